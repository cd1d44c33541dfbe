"""`python -m penstock.archiver`."""

from __future__ import annotations

import os

from penstock.archiver.settings import ArchiverSettings
from penstock.archiver.wiring import build
from penstock.runtime.runner import run

YIELDING = 15
"""How nice its process is: where processors are short, scorers come first, and what it keeps can wait."""


def main() -> None:
    """Run the archiver until it is stopped."""
    os.nice(YIELDING)
    run("archiver", ArchiverSettings, build)


if __name__ == "__main__":
    main()
