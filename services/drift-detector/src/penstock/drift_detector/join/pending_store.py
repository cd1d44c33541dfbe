"""Pending events: in the state, and as objects while a batch is handled."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from penstock.bus.state.unit_state import State
from penstock.drift_detector.join.pending_event import PendingEvent

_PREFIX = b"j"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PendingEvent).decode


class PendingStore:
    """Pending events by event key. Load the keys of a batch at once, change what was loaded, save."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._loaded: dict[bytes, PendingEvent | None] = {}
        self._changed: set[bytes] = set()

    def load(self, keys: Iterable[bytes]) -> None:
        """Load the pending events of a batch."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._loaded]
        values = self._state.get_many([_PREFIX + key for key in missing])
        for key, value in zip(missing, values, strict=True):
            self._loaded[key] = None if value is None else _decode(value)

    def get(self, key: bytes) -> PendingEvent | None:
        """The pending event under a loaded key, if there is one."""
        return self._loaded[key]

    def put(self, key: bytes, pending: PendingEvent) -> None:
        """Mark a pending event as changed."""
        self._loaded[key] = pending
        self._changed.add(key)

    def remove(self, key: bytes) -> None:
        """Mark a pending event as deleted."""
        self._loaded[key] = None
        self._changed.add(key)

    def save(self) -> None:
        """Write the changes to the state."""
        for key in self._changed:
            pending = self._loaded[key]
            if pending is None:
                self._state.delete(_PREFIX + key)
            else:
                self._state.put(_PREFIX + key, _encode(pending))
        self._loaded, self._changed = {}, set()
