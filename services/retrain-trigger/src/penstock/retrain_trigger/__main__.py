"""`python -m penstock.retrain_trigger`."""

from __future__ import annotations

from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.retrain_trigger.wiring import build_on_kafka
from penstock.runtime.runner import run


def main() -> None:
    """Run the retrain trigger until a signal ends it."""
    run("retrain-trigger", RetrainTriggerSettings, build_on_kafka)


if __name__ == "__main__":
    main()
