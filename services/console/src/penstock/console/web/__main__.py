"""`python -m penstock.console.web`."""

from __future__ import annotations

from penstock.console.settings import ConsoleSettings
from penstock.console.web.wiring import build
from penstock.runtime.runner import run


def main() -> None:
    """Serve the console's pages until it is stopped."""
    run("console", ConsoleSettings, build)


if __name__ == "__main__":
    main()
