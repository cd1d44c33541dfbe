"""Limits on what one producer may send at once."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.bus.ports import MAX_RECORD_BYTES
from penstock.runtime.log_writer import WriteLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on a request, on the operations that are remembered, and on what awaits the broker."""

    body_bytes: int = 16 << 20
    body_seconds: float = 30.0
    record_bytes: int = MAX_RECORD_BYTES
    batch_records: int = 10_000
    ack_seconds: float = 10.0
    unacknowledged_bytes: int = 128 << 20
    recent_operations: int = 100_000

    @property
    def write(self) -> WriteLimits:
        """The limits on what awaits the broker."""
        return WriteLimits(self.ack_seconds, self.unacknowledged_bytes)


LIMITS = Limits()
