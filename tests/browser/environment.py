"""The browser's driver and judge, in an environment of their own: they are no part of Penstock's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv" / "browser"
PINS = Path(__file__).with_name("requirements.txt")
READY = FOLDER / "ready.txt"


def obtain_python() -> Path:
    """The interpreter of the environment, which is installed unless it is there with the present pins."""
    python = FOLDER / "bin" / "python"
    if not READY.is_file() or READY.read_text() != PINS.read_text():
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(FOLDER))
        _uv("pip", "install", "--quiet", "--python", str(python), "--require-hashes", "--requirements", str(PINS))
        READY.write_text(PINS.read_text())
    return python


def _uv(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).parent / "uv"), *arguments], check=True)
