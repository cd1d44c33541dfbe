"""The image's health check: exits 0 when every process of the service in this container says that it is ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from urllib.request import urlopen

PATIENCE_S = 3.0


def ports(environment: Mapping[str, str]) -> list[int]:
    """Where the service answers for its health.

    The server's stream children answer on ports of their own, counted up from PENSTOCK_STREAM_PORT.

    >>> ports({"PENSTOCK_PORT": "8020", "PENSTOCK_STREAM_PORT": "8021", "PENSTOCK_STREAM_WORKERS": "2"})
    [8020, 8021, 8022]
    >>> ports({"PENSTOCK_PORT": "8011"})
    [8011]
    """
    own = [] if environment.get("PENSTOCK_HTTP_WORKERS") == "0" else [int(environment["PENSTOCK_PORT"])]
    first = environment.get("PENSTOCK_STREAM_PORT")
    children = int(environment.get("PENSTOCK_STREAM_WORKERS", "1")) if first else 0
    return own + [int(first or 0) + child for child in range(children)]


def main() -> None:
    """Ask each port in turn; the first that is not ready is named, with exit code 1."""
    for port in ports(os.environ):
        try:
            urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S).close()
        except OSError as error:
            sys.exit(f"port {port} is not ready: {error}")


if __name__ == "__main__":
    main()
