"""Frames of pandas, in an environment of their own: scikit-learn and plotly import pandas wherever it is installed.

In the one of all other tests every service would start later and hold more memory than it does without.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PINS = Path(__file__).with_name("pandas.txt")
FOLDER = ROOT / ".venv" / "pandas"
READY = FOLDER / "ready.txt"


def obtain_pandas() -> Path:
    """The folder with pandas alone, which is installed unless it is there with the present pins."""
    if not READY.is_file() or READY.read_text() != PINS.read_text():
        uv = Path(sys.executable).with_name("uv")
        target = ["--python", sys.executable, "--target", str(FOLDER), "--no-deps", "--require-hashes"]
        subprocess.run([uv, "pip", "install", "--quiet", *target, "--requirements", PINS], check=True)
        READY.write_text(PINS.read_text())
    return FOLDER


def test_the_laws_of_frames_hold_for_those_of_pandas() -> None:
    """Collected in a process of their own, which finds pandas."""
    environment = {**os.environ, "PYTHONPATH": str(obtain_pandas())}
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", str(Path(__file__).with_name("pandas_frames.py"))]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
