"""Settings of the retrain trigger."""

from __future__ import annotations

from penstock.runtime.settings import ServiceSettings


class RetrainTriggerSettings(ServiceSettings):
    """The settings that every service has; there are no others."""
