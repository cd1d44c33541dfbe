"""Running a command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from penstock.console.home import Home


def penstock(home: Home, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `penstock WORDS` on a home."""
    return subprocess.run(
        [sys.executable, "-m", "penstock.console", *words],
        env={**os.environ, "PENSTOCK_HOME": str(home.root), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
