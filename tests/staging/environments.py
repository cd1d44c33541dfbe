"""Other people's programs that a check needs, in environments of their own: they are no part of Penstock's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def obtain_python(name: str, pins: Path) -> Path:
    """The interpreter of the environment of this name, which is installed unless it is there with the present pins."""
    folder = ROOT / ".venv" / name
    python, ready = folder / "bin" / "python", folder / "ready.txt"
    if not ready.is_file() or ready.read_text() != pins.read_text():
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--quiet", "--python", str(python), "--require-hashes", "--requirements", str(pins))
        ready.write_text(pins.read_text())
    return python


def _uv(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).parent / "uv"), *arguments], check=True)
