"""Deduplication: an operation that comes again is a duplicate, another content under the same name is a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from penstock.bus.state.unit_state import State
from penstock.contracts.operations import Operation
from penstock.validator.expiry_queue import ExpiryQueue
from penstock.validator.operation_state import KEY_PREFIX, Kind, digest_of_value, encode_value, time_of

Verdict = Literal["new", "duplicate", "conflict"]


class Dedupe:
    """Keeps in the state of a unit the first record of each operation's name; the first by offset wins.

    A name is kept for a window that starts at its first record, in log-append time, so that a verdict depends on the
    log alone. Expired names are deleted a few at a time; one that is not yet deleted counts as expired all the same.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._queues = {kind: ExpiryQueue(state, kind) for kind in KEY_PREFIX}

    def judge(self, kind: Kind, operations: Sequence[Operation], times: Sequence[int], window: int) -> list[Verdict]:
        """One verdict for each operation, in order; new ones are stored.

        Args:
            kind: of all the operations: names of events and of labels have nothing to do with each other.
            operations: in the order of the log.
            times: the log-append time (ms) of the record that holds each.
            window: how long a name is kept, in ms.
        """
        if not operations:
            return []
        keys = [KEY_PREFIX[kind] + operation.name for operation in operations]
        stored = dict(zip(keys, self._state.get_many(keys), strict=True))
        verdicts: list[Verdict] = []
        new: list[tuple[bytes, int]] = []
        for key, operation, time in zip(keys, operations, times, strict=True):
            value = stored[key]
            if value is None or time_of(value) + window < time:
                stored[key] = encode_value(operation.digest, time)
                new.append((key, time))
                verdicts.append("new")
            else:
                verdicts.append("duplicate" if digest_of_value(value) == operation.digest else "conflict")
        self._state.put_many({key: value for key, _ in new if (value := stored[key]) is not None})
        self._queues[kind].push(new)
        self._queues[kind].delete_before(times[-1] - window)
        return verdicts
