"""`penstock stream import`: labelled history through the common entrance, until the log has all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from penstock.bus.ports import FetchedBatch, Log, Reader, TopicPartition
from penstock.console.replay.labelled_history import Past
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES, REJECTED

SIZE = 1000  # rows handed in at a time
FIRST_ROWS = 5  # of each reason, named
NO_LABEL = "missing_label"
POLL = 0.5  # seconds


class Reason(NamedTuple):
    """Why rows were refused, and over which field."""

    code: str
    field: str
    detail: str


class Refused(NamedTuple):
    """The row at a place of what was handed in was refused."""

    place: int
    reason: Reason


class Deployment(Protocol):
    """What history is imported into: services on a broker, or all of them in this process."""

    async def bring(self, events: Sequence[bytes], now: datetime) -> list[Refused]:
        """Hand history in, at stream time `now`; what was refused at the door."""

    async def proceed(self) -> None:
        """Let the services work, where they do so only when they are told."""

    async def tell_imported(self, outcomes: int, detail: str) -> None:
        """Say that history was imported, with which the stream has so many outcomes."""


@dataclass
class Imported:
    """What became of the rows: how many were taken, which were refused for which reason, and where they end.

    `refused` counts the rows of each reason; `rows` are the numbers of the first of them. `outcomes`: how many the
    stream has with the last row that was taken.
    """

    taken: int = 0
    outcomes: int = 0
    refused: dict[Reason, int] = field(default_factory=dict)
    rows: dict[Reason, list[int]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many rows were looked at."""
        return self.taken + sum(self.refused.values())

    def refuse(self, number: int, reason: Reason) -> None:
        """Note that a row was refused."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
        if len(first := self.rows.setdefault(reason, [])) < FIRST_ROWS:
            first.append(number)


@dataclass(frozen=True)
class Target:
    """The stream that history is imported into, under which source, and the log it lies on."""

    log: Log
    namespace: str
    stream: StreamDeclared

    @property
    def source(self) -> str:
        """The source of imported events: with the entity and a row's id it names the event."""
        return f"import/{self.stream.name}"


async def import_history(
    past: Iterable[Past],
    deployment: Deployment,
    target: Target,
    detail: str,
    progress: Callable[[Imported], None],
) -> Imported:
    """Hand the rows in, wait until the log says what became of each, and tell that they are there.

    What was imported before, wholly or in part, is the same events, and changes nothing.
    """
    found, numbers = Imported(), dict[str, int]()
    for chunk in _chunks(past):
        await _hand_in(chunk, deployment, found, numbers)
        progress(found)
    await _await_all(numbers, deployment, target, found)
    if found.outcomes:
        await deployment.tell_imported(found.outcomes, detail)
    return found


def _chunks(past: Iterable[Past]) -> Iterator[list[Past]]:
    rows = iter(past)
    while chunk := list(islice(rows, SIZE)):
        yield chunk


async def _hand_in(chunk: Sequence[Past], deployment: Deployment, found: Imported, numbers: dict[str, int]) -> None:
    """Hand rows in; `numbers` then also holds those that were taken, by their ids."""
    labelled = [(row, row.event) for row in chunk if row.event is not None]
    refused = {
        one.place: one.reason
        for one in (await deployment.bring([event for _, event in labelled], chunk[-1].known_at) if labelled else [])
    }
    for row in chunk:
        if row.event is None:
            found.refuse(row.number, Reason(NO_LABEL, "", "the file does not say its label"))
    for place, (row, _) in enumerate(labelled):
        if place in refused:
            found.refuse(row.number, refused[place])
        else:
            found.taken += 1
            numbers[row.id] = row.number


async def _await_all(numbers: dict[str, int], deployment: Deployment, target: Target, found: Imported) -> None:
    """Follow the log from its beginning until each of the rows was met: as an outcome, or refused after all."""
    reader = await _reader(target)
    try:
        while numbers:
            await deployment.proceed()
            for part in await reader.poll(POLL):
                _note(part, numbers, target, found)
    finally:
        await reader.close()


async def _reader(target: Target) -> Reader:
    places = [(topic, number) for topic, count in _topics(target).items() for number in range(count)]
    begins: dict[TopicPartition, int | None] = {**await target.log.begins(places)}
    return await target.log.reader(begins)


def _topics(target: Target) -> dict[str, int]:
    """The names of the topics that tell, and how many partitions they have."""
    return {
        topic.name(target.namespace, target.stream.name): topic.partitions(target.stream)
        for topic in (OUTCOMES, REJECTED)
    }


def _note(part: FetchedBatch, numbers: dict[str, int], target: Target, found: Imported) -> None:
    if part.topic == REJECTED.name(target.namespace, target.stream.name):
        for record in part.records:
            said = _rejected(record.value or b"").data
            if (number := numbers.pop(said.id, None)) is not None:
                found.taken -= 1
                found.refuse(number, Reason(said.code, said.field or "", said.detail))
        return
    for record in part.records:
        head = _outcome(record.value or b"")
        if head.source == target.source + OUTCOME_SUFFIX and numbers.pop(head.id, None) is not None:
            found.outcomes = max(found.outcomes, record.offset + 1)


class _Outcome(Struct):
    source: str
    id: str


class _Refusal(Struct):
    id: str
    code: str
    detail: str
    field: str | None = None


class _Rejected(Struct):
    data: _Refusal


_outcome = msgspec.json.Decoder(_Outcome).decode
_rejected = msgspec.json.Decoder(_Rejected).decode
