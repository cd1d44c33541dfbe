"""An http child: `python -m penstock.server.http`."""

from __future__ import annotations

from penstock.runtime.runner import run
from penstock.server.settings import HttpSettings
from penstock.server.wiring import build_http


def main() -> None:
    """Answer requests until stopped."""
    run("server", HttpSettings, build_http)


if __name__ == "__main__":
    main()
