"""`python -m penstock.archiver`."""

from __future__ import annotations

from penstock.archiver.settings import ArchiverSettings
from penstock.archiver.wiring import build
from penstock.runtime.runner import run


def main() -> None:
    """Run the archiver until it is stopped."""
    run("archiver", ArchiverSettings, build)


if __name__ == "__main__":
    main()
