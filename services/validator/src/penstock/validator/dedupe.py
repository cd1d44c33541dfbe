"""Which operations were seen before: the same again is a duplicate, another body under a name is a conflict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from penstock.bus.state.state import State
from penstock.contracts.operations import Operation
from penstock.validator.expiry_queue import ExpiryQueue
from penstock.validator.operation_state import KEY, Kind, digest_in, seen, time_of

Verdict = Literal["new", "duplicate", "conflict"]


class Sighting(Struct, frozen=True, gc=False):
    """An operation as it was read: its kind, and its log-append time in ms."""

    operation: Operation
    kind: Kind
    time: int


class Dedupe:
    """Remembers in a unit's state what every name stood for when it was first read.

    A name's window runs from its first record, in log-append time, so that a verdict depends on the log alone.
    What has run out is deleted a little at a time; a name that is still there counts as forgotten all the same.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._queues = {kind: ExpiryQueue(state, kind) for kind in KEY}

    def judge(self, sightings: Sequence[Sighting], windows: Mapping[Kind, int]) -> list[Verdict]:
        """A verdict on each sighting, in order; the new ones are remembered. A name counts for its kind's window (ms)."""
        keys = [KEY[sighting.kind] + sighting.operation.name for sighting in sightings]
        known = dict(zip(keys, self._state.get_many(keys), strict=True))
        verdicts = []
        for key, sighting in zip(keys, sightings, strict=True):
            verdict = _verdict(known[key], sighting, windows[sighting.kind])
            if verdict == "new":
                known[key] = self._remember(key, sighting)
            verdicts.append(verdict)
        self._forget(sightings, windows)
        return verdicts

    def _remember(self, key: bytes, sighting: Sighting) -> bytes:
        value = seen(sighting.operation.digest, sighting.time)
        self._state.put(key, value)
        self._queues[sighting.kind].push(key, sighting.time)
        return value

    def _forget(self, sightings: Sequence[Sighting], windows: Mapping[Kind, int]) -> None:
        newest = {sighting.kind: sighting.time for sighting in sightings}
        for kind, queue in self._queues.items():
            queue.write()
            if kind in newest:
                queue.forget(newest[kind] - windows[kind])


def _verdict(known: bytes | None, sighting: Sighting, window: int) -> Verdict:
    if known is None or time_of(known) + window < sighting.time:
        return "new"
    return "duplicate" if digest_in(known) == sighting.operation.digest else "conflict"
