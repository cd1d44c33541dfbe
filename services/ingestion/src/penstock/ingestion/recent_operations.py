"""Recently accepted operations: another body under an id in use is refused at once, where it is still remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from penstock.contracts.operations import EVENT_WINDOW, conflict_of
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.ingestion.admission import AdmittedRecord


class RecentOperations:
    """The newest `limit` operations that this process accepted. The validator decides finally; this answers sooner."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._operations: OrderedDict[tuple[str, bytes], tuple[bytes, int]] = OrderedDict()

    def refuse_conflicts(
        self, stream: StreamDeclared, verdicts: Sequence[AdmittedRecord | Refusal], now: int
    ) -> list[AdmittedRecord | Refusal]:
        """The verdicts, with records refused that conflict with remembered ones or with earlier ones of the same call.

        `now` is in ms.
        """
        digests: dict[bytes, bytes] = {}
        result: list[AdmittedRecord | Refusal] = []
        windows = _Windows(stream, now)
        for verdict in verdicts:
            if isinstance(verdict, AdmittedRecord):
                operation = verdict.operation
                first_digest = self._digest_of(windows, verdict) or operation.digest
                if digests.setdefault(operation.name, first_digest) != operation.digest:
                    verdict = conflict_of(stream.declaration, verdict.record)  # noqa: PLW2901
            result.append(verdict)
        return result

    def remember(self, stream: StreamDeclared, records: Sequence[AdmittedRecord], now: int) -> None:
        """Remember records that are on the log; the oldest are dropped."""
        windows = _Windows(stream, now)
        for record in records:
            if self._digest_of(windows, record) is None:
                name = (windows.stream, record.operation.name)
                self._operations[name] = (record.operation.digest, now)
                self._operations.move_to_end(name)
        while len(self._operations) > self._limit:
            self._operations.popitem(last=False)

    def _digest_of(self, windows: _Windows, record: AdmittedRecord) -> bytes | None:
        """The digest of the operation of this name, None when none is remembered or its window is over."""
        entry = self._operations.get((windows.stream, record.operation.name))
        if entry is None:
            return None
        digest, accepted = entry
        start = windows.event_start if isinstance(record.record, Event) else windows.label_start
        return digest if accepted >= start else None


class _Windows:
    """Since when operations of a stream still count, in ms."""

    def __init__(self, stream: StreamDeclared, now: int) -> None:
        self.stream = stream.name
        self.event_start = now - EVENT_WINDOW.total_seconds() * 1000
        self.label_start = now - stream.declaration.label.horizon.total_seconds() * 1000
