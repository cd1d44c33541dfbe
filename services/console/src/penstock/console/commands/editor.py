"""The user's editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from penstock.console.failure import ConsoleFailure, wrong_input


def edit_in_editor(text: str) -> str:
    """The text as the user leaves it; `VISUAL` or `EDITOR` names the editor, else it is `vi`.

    Raises:
        ConsoleFailure: the editor failed, or nothing was changed.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="penstock-edit-") as folder:  # only its owner can read it
        file = Path(folder) / "record.json"
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
            result = file.read_text(encoding="utf-8")
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise ConsoleFailure(f"the editor {editor!r} failed: {error}; set EDITOR, or give --file") from error
    if result == text:
        raise wrong_input("nothing was changed in the editor; nothing was noted")
    return result
