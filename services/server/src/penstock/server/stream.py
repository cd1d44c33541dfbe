"""A stream child: `python -m penstock.server.stream`."""

from __future__ import annotations

from penstock.runtime.runner import run
from penstock.server.settings import StreamSettings
from penstock.server.wiring import build_stream


def main() -> None:
    """Predict events until stopped."""
    run("server", StreamSettings, build_stream)


if __name__ == "__main__":
    main()
