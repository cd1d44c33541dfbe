"""Which operations were seen before: the same again is a duplicate, another body under a name is a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from penstock.bus.state import State
from penstock.contracts.operations import Operation
from penstock.validator.expiry import ExpiryQueue
from penstock.validator.seen import KEY, Kind, Seen

Verdict = Literal["new", "duplicate", "conflict"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """An operation as it was read: its kind, its log-append time and for how long its name counts, both in ms."""

    operation: Operation
    kind: Kind
    time: int
    window: int


class Dedupe:
    """Remembers in a unit's state what every name stood for when it was first read.

    A name's window runs from its first record, in log-append time, so that a verdict depends on the log alone.
    What has run out is deleted a little at a time; a name that is still there counts as forgotten all the same.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._queues = {kind: ExpiryQueue(state, kind) for kind in KEY}

    def judge(self, sightings: Sequence[Sighting]) -> list[Verdict]:
        """A verdict on each sighting, in order; the new ones are remembered."""
        keys = [KEY[sighting.kind] + sighting.operation.name for sighting in sightings]
        known = {key: Seen.read(value) for key, value in zip(keys, self._state.get_many(keys), strict=True) if value}
        verdicts = []
        for key, sighting in zip(keys, sightings, strict=True):
            verdict = _verdict(known.get(key), sighting)
            if verdict == "new":
                known[key] = self._remember(key, sighting)
            verdicts.append(verdict)
        self._forget(sightings)
        return verdicts

    def _remember(self, key: bytes, sighting: Sighting) -> Seen:
        seen = Seen(sighting.operation.digest, sighting.time)
        self._state.put(key, seen.write())
        self._queues[sighting.kind].push(key, sighting.time)
        return seen

    def _forget(self, sightings: Sequence[Sighting]) -> None:
        newest = {sighting.kind: sighting for sighting in sightings}
        for kind, queue in self._queues.items():
            queue.write()
            if kind in newest:
                queue.forget(newest[kind].time - newest[kind].window)


def _verdict(seen: Seen | None, sighting: Sighting) -> Verdict:
    if seen is None or seen.time + sighting.window < sighting.time:
        return "new"
    return "duplicate" if seen.digest == sighting.operation.digest else "conflict"
