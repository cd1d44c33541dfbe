"""Why news could not be delivered."""

from __future__ import annotations

from penstock.bus.errors import TransientError


class DestinationUnavailable(TransientError):
    """The destination does not answer or asks for patience: the alert is sent again."""


class DeliveryRefused(Exception):
    """The destination will not take this, however often it is sent."""
