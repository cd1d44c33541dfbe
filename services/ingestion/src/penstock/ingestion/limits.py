"""How much one producer may ask for at once."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.bus.ports import LARGEST_RECORD
from penstock.runtime.log_writer import WriteLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a request, on what is remembered, and on what waits for the broker."""

    body_bytes: int = 16 << 20
    body_seconds: float = 30.0
    record_bytes: int = LARGEST_RECORD
    batch_records: int = 10_000
    ack_seconds: float = 10.0
    unacknowledged_bytes: int = 128 << 20
    remembered: int = 100_000

    @property
    def delivery(self) -> WriteLimits:
        """What waits for the broker."""
        return WriteLimits(self.ack_seconds, self.unacknowledged_bytes)


LIMITS = Limits()
