"""The browser that people have: Debian's chromium, or another build of it."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str:
    """The program.

    Raises:
        SystemExit: there is none.
    """
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit(f"none of {', '.join(NAMES)} is on PATH; on Debian: apt-get install chromium")
    return found
