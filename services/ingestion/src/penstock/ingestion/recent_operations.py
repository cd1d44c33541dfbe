"""What was accepted lately: another body under a name that is taken is refused at once, where we still know it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from penstock.contracts.operations import EVENT_WINDOW, conflict_of
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.ingestion.admission import Admitted


class RecentOperations:
    """The last `most` names and what they stood for, in this process. The validator's word counts; this is sooner."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, bytes], tuple[bytes, int]] = OrderedDict()

    def sift(
        self, stream: StreamDeclared, verdicts: Sequence[Admitted | Refusal], now: int
    ) -> list[Admitted | Refusal]:
        """The verdicts, with those refused that contradict what was accepted, or what stands before them; `now` in ms."""
        digests: dict[bytes, bytes] = {}
        sifted: list[Admitted | Refusal] = []
        oldest = _Oldest(stream, now)
        for verdict in verdicts:
            if isinstance(verdict, Admitted):
                operation = verdict.operation
                known = self._known(oldest, verdict) or operation.digest
                if digests.setdefault(operation.name, known) != operation.digest:
                    verdict = conflict_of(stream.declaration, verdict.record)  # noqa: PLW2901
            sifted.append(verdict)
        return sifted

    def remember(self, stream: StreamDeclared, admitted: Sequence[Admitted], now: int) -> None:
        """Take note of records that are on the log; the oldest are forgotten."""
        oldest = _Oldest(stream, now)
        for record in admitted:
            if self._known(oldest, record) is None:
                name = (oldest.stream, record.operation.name)
                self._seen[name] = (record.operation.digest, now)
                self._seen.move_to_end(name)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)

    def _known(self, oldest: _Oldest, admitted: Admitted) -> bytes | None:
        """What the record's name stands for, None when it is not remembered or its window is over."""
        found = self._seen.get((oldest.stream, admitted.operation.name))
        if found is None:
            return None
        since = oldest.event if isinstance(admitted.record, Event) else oldest.label
        return found[0] if found[1] >= since else None


class _Oldest:
    """Since when names of a stream still count, in ms."""

    def __init__(self, stream: StreamDeclared, now: int) -> None:
        self.stream = stream.name
        self.event = now - EVENT_WINDOW.total_seconds() * 1000
        self.label = now - stream.declaration.label.horizon.total_seconds() * 1000
