"""`python -m penstock.validator`."""

from __future__ import annotations

from penstock.runtime.runner import run
from penstock.validator.settings import ValidatorSettings
from penstock.validator.wiring import build


def main() -> None:
    """Run the validator until it is stopped."""
    run("validator", ValidatorSettings, build)


if __name__ == "__main__":
    main()
