"""The events that are remembered: in the unit's state, and as objects for the length of a batch."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from penstock.bus.state.state import State
from penstock.drift_detector.join.pending_event import Pending

_PREFIX = b"j"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pending).decode


class PendingEvents:
    """Entries by event key. Load the keys of a batch at once, change what was loaded, save."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._loaded: dict[bytes, Pending | None] = {}
        self._changed: set[bytes] = set()

    def load(self, keys: Iterable[bytes]) -> None:
        """Bring the entries of a batch to hand."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._loaded]
        values = self._state.get_many([_PREFIX + key for key in missing])
        for key, value in zip(missing, values, strict=True):
            self._loaded[key] = None if value is None else _decode(value)

    def get(self, key: bytes) -> Pending | None:
        """A loaded entry; None when nothing is remembered."""
        return self._loaded[key]

    def put(self, key: bytes, entry: Pending) -> None:
        """Remember an entry as it is now."""
        self._loaded[key] = entry
        self._changed.add(key)

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        self._loaded[key] = None
        self._changed.add(key)

    def save(self) -> None:
        """Hand what was changed over to the state."""
        for key in self._changed:
            entry = self._loaded[key]
            if entry is None:
                self._state.delete(_PREFIX + key)
            else:
                self._state.put(_PREFIX + key, _encode(entry))
        self._loaded, self._changed = {}, set()
