"""`python -m penstock.trainer`."""

from __future__ import annotations

from penstock.runtime.runner import run
from penstock.trainer.settings import TrainerSettings
from penstock.trainer.wiring import build


def main() -> None:
    """Run the trainer until it is stopped."""
    run("trainer", TrainerSettings, build)


if __name__ == "__main__":
    main()
