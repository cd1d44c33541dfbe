"""Settings of the retrain trigger."""

from __future__ import annotations

from penstock.runtime.settings import ServiceSettings


class RetrainTriggerSettings(ServiceSettings):
    """It needs no more than every service."""
