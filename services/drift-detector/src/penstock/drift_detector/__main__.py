"""`python -m penstock.drift_detector`."""

from __future__ import annotations

from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.drift_detector.wiring import build
from penstock.runtime.runner import run


def main() -> None:
    """Run the drift detector until it is stopped."""
    run("drift-detector", DriftDetectorSettings, build)


if __name__ == "__main__":
    main()
