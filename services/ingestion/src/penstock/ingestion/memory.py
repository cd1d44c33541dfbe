"""What was accepted lately: another body under a name that is taken is refused at once, where we still know it."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.contracts.operations import conflict_of, window_of
from penstock.contracts.refusals import Refusal
from penstock.contracts.streams import StreamDeclared
from penstock.ingestion.admission import Admitted


class RecentOperations:
    """The last `most` names and what they stood for, in this process. The validator's word counts; this is sooner."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[tuple[str, bytes], tuple[bytes, int]] = {}

    def sift(
        self, stream: StreamDeclared, verdicts: Sequence[Admitted | Refusal], now: int
    ) -> list[Admitted | Refusal]:
        """The verdicts, with those refused that contradict what was accepted, or what stands before them; `now` in ms."""
        digests: dict[bytes, bytes] = {}
        sifted: list[Admitted | Refusal] = []
        for verdict in verdicts:
            if isinstance(verdict, Admitted):
                known = self._known(stream, verdict, now) or verdict.operation.digest
                if digests.setdefault(verdict.operation.name, known) != verdict.operation.digest:
                    verdict = conflict_of(stream.declaration, verdict.record)  # noqa: PLW2901
            sifted.append(verdict)
        return sifted

    def remember(self, stream: StreamDeclared, admitted: Sequence[Admitted], now: int) -> None:
        """Take note of records that are on the log; the oldest are forgotten."""
        for record in admitted:
            if self._known(stream, record, now) is None:
                name = (stream.name, record.operation.name)
                self._seen.pop(name, None)
                self._seen[name] = (record.operation.digest, now)
        while len(self._seen) > self._most:
            self._seen.pop(next(iter(self._seen)))

    def _known(self, stream: StreamDeclared, admitted: Admitted, now: int) -> bytes | None:
        """What the record's name stands for, None when it is not remembered or its window is over."""
        digest, time = self._seen.get((stream.name, admitted.operation.name), (None, now))
        window = window_of(stream.declaration, admitted.record).total_seconds() * 1000
        return digest if time + window >= now else None
