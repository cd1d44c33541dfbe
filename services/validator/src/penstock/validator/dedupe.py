"""Deduplication: an operation that comes again is a duplicate, another content under the same name is a conflict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from penstock.bus.state.unit_state import State
from penstock.contracts.operations import Operation
from penstock.validator.expiry_queue import ExpiryQueue
from penstock.validator.operation_state import KEY_PREFIX, Kind, digest_of_value, encode_value, time_of

Verdict = Literal["new", "duplicate", "conflict"]


class TimedOperation(Struct, frozen=True, gc=False):
    """An operation with its kind and the log-append time (ms) of the record that holds it."""

    operation: Operation
    kind: Kind
    time: int


class Dedupe:
    """Keeps in the state of a unit the first record of each operation's name; the first by offset wins.

    A name is kept for a window that starts at its first record, in log-append time, so that a verdict depends on the
    log alone. Expired names are deleted a few at a time; one that is not yet deleted counts as expired all the same.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._queues = {kind: ExpiryQueue(state, kind) for kind in KEY_PREFIX}

    def judge(self, operations: Sequence[TimedOperation], windows: Mapping[Kind, int]) -> list[Verdict]:
        """One verdict for each operation, in order; new ones are stored. `windows` are in ms, by kind."""
        keys = [KEY_PREFIX[timed.kind] + timed.operation.name for timed in operations]
        stored = dict(zip(keys, self._state.get_many(keys), strict=True))
        verdicts = []
        for key, timed in zip(keys, operations, strict=True):
            verdict = _verdict(stored[key], timed, windows[timed.kind])
            if verdict == "new":
                stored[key] = self._store(key, timed)
            verdicts.append(verdict)
        self._delete_expired(operations, windows)
        return verdicts

    def _store(self, key: bytes, timed: TimedOperation) -> bytes:
        value = encode_value(timed.operation.digest, timed.time)
        self._state.put(key, value)
        self._queues[timed.kind].push(key, timed.time)
        return value

    def _delete_expired(self, operations: Sequence[TimedOperation], windows: Mapping[Kind, int]) -> None:
        newest = {timed.kind: timed.time for timed in operations}
        for kind, queue in self._queues.items():
            queue.save()
            if kind in newest:
                queue.delete_before(newest[kind] - windows[kind])


def _verdict(stored: bytes | None, timed: TimedOperation, window: int) -> Verdict:
    if stored is None or time_of(stored) + window < timed.time:
        return "new"
    return "duplicate" if digest_of_value(stored) == timed.operation.digest else "conflict"
