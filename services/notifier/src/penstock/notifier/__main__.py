"""`python -m penstock.notifier`."""

from __future__ import annotations

from penstock.notifier.settings import NotifierSettings
from penstock.notifier.wiring import build
from penstock.runtime.runner import run


def main() -> None:
    """Run the notifier until it is stopped."""
    run("notifier", NotifierSettings, build)


if __name__ == "__main__":
    main()
