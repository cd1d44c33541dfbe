"""`python -m penstock.ingestion`."""

from __future__ import annotations

from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.wiring import build
from penstock.runtime.runner import run


def main() -> None:
    """Run ingestion until it is stopped."""
    run("ingestion", IngestionSettings, build)


if __name__ == "__main__":
    main()
