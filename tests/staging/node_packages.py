"""Programs of Node.js for tests that want them, in folders of their own below `.venv`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.staging.environments import ROOT


def install_packages(name: str, sources: Path, *files: str) -> Path:
    """The folder `.venv/NAME` with these files of `sources` and the packages that its lock file names.

    Raises:
        SystemExit: there is no Node.js, or the packages cannot be had.
    """
    if shutil.which("npm") is None:
        sys.exit(f"make {name} needs Node.js with npm, from version 20 on: npm was not found.")
    folder = ROOT / ".venv" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "package-lock.json", *files):
        shutil.copyfile(sources / file, folder / file)
    run_node(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
    return folder


def run_node(folder: Path, *command: str, **environment: str) -> None:
    """Run a command in such a folder.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed with {done.returncode}.")
