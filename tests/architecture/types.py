"""Strict types in every distribution: `python -m tests.architecture.types`, which `make check` calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def packages() -> list[str]:
    """The import name of every distribution's package, as `penstock.drift_detector`."""
    return sorted(f"penstock.{path.parent.name}" for path in ROOT.glob("*/*/src/penstock/*/__init__.py"))


def main() -> None:
    """Check them all in one go, and exit as mypy does."""
    named = [argument for package in packages() for argument in ("-p", package)]
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", *named], cwd=ROOT, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
