"""What became of events: the last answers by the events' ids, and whoever waits for one or listens for all of a key."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from penstock.contracts.batch import RawRecord
from penstock.contracts.records.predictions import PREDICTION_SUFFIX
from penstock.contracts.records.rejections import REJECTED_SUFFIX

KEPT = 100_000  # answers of all streams
KEPT_BYTES = 128 << 20
LISTENER_HOLDS = 1000  # answers that wait for a slow listener before it is let go


Kind = Literal["prediction", "rejection"]


class Answer(Struct, frozen=True, gc=False):
    """What became of the event `id` of `source`: a prediction, or why it was rejected, in JSON.

    `key` is its key on the log. `place` counts answers as they came in.
    """

    source: str
    id: str
    key: bytes
    kind: Kind
    content: bytes
    place: int

    def body(self) -> bytes:
        """The answer as a client sees it."""
        status = "predicted" if self.kind == "prediction" else "rejected"
        content = _whole(self.content).data if self.kind == "prediction" else Raw(self.content)
        return _encode({"id": self.id, "source": self.source, "status": status, self.kind: content})


class _Head(Struct):
    source: str
    id: str


class _Rejection(Struct):
    kind: str
    id: str
    code: str
    detail: str
    field: str | None = None


class _Rejected(Struct):
    source: str
    data: _Rejection


class _Whole(Struct):
    data: Raw


_head = msgspec.json.Decoder(_Head).decode
_rejected = msgspec.json.Decoder(_Rejected).decode
_whole = msgspec.json.Decoder(_Whole).decode
_encode = msgspec.json.Encoder().encode
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError)

Name = tuple[str, str, str]
"""An event's stream, source and id."""
Listener = asyncio.Queue[Answer | None]


class Answers:
    """The last `most` answers, within `most_bytes`. The first prediction of an id stands, and outdoes a rejection.

    Answers are kept as they came and decoded when somebody asks. Of as many that were dropped the names are known.
    """

    def __init__(self, most: int = KEPT, most_bytes: int = KEPT_BYTES) -> None:
        self.count = 0
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Name, Answer] = OrderedDict()
        self._dropped: OrderedDict[int, None] = OrderedDict()
        self._waiting: dict[tuple[Name, bytes], set[asyncio.Future[Answer]]] = {}
        self._listening: dict[tuple[str, bytes], set[Listener]] = {}

    def take(self, stream: str, kind: Kind, record: RawRecord) -> None:
        """Take in a record of `predictions` or `rejected`; one that cannot be read, or is about a label, is none."""
        try:
            answer = self._read(kind, record)
        except _FAILURES:
            return
        if answer is not None:
            self.count += 1
            name = (stream, answer.source, answer.id)
            if self._keep(name, answer):
                self._tell(name, answer)

    def find(self, stream: str, source: str, event_id: str) -> Answer | None:
        """The answer to an event, None when there is none here."""
        return self._kept.get((stream, source, event_id))

    def has_dropped(self, stream: str, source: str, event_id: str) -> bool:
        """Whether there was an answer to the event that is no longer kept."""
        return hash((stream, source, event_id)) in self._dropped

    async def wait(
        self, stream: str, source: str, event_id: str, key: bytes, since: int, seconds: float
    ) -> Answer | None:
        """The answer to an event within so many seconds, else None.

        A prediction counts whenever it was made, since what is sent again is not predicted again; a rejection only
        when it came after the `since`-th answer.
        """
        name = (stream, source, event_id)
        known = self._kept.get(name)
        if known is not None and known.key == key and (known.kind == "prediction" or known.place > since):
            return known
        with self._expecting(name, key) as answer:
            await asyncio.wait({answer}, timeout=seconds)
            return answer.result() if answer.done() else None

    @contextmanager
    def listen(self, stream: str, key: bytes) -> Iterator[Listener]:
        """A queue of the predictions under a key from now on; None in it ends it: the listener was too slow."""
        listener: Listener = asyncio.Queue(LISTENER_HOLDS + 1)
        listeners = self._listening.setdefault((stream, key), set())
        listeners.add(listener)
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners:
                self._listening.pop((stream, key), None)

    @property
    def awaited(self) -> int:
        """How many wait or listen."""
        return sum(map(len, self._waiting.values())) + sum(map(len, self._listening.values()))

    @contextmanager
    def _expecting(self, name: Name, key: bytes) -> Iterator[asyncio.Future[Answer]]:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault((name, key), set())
        waiting.add(answer)
        try:
            yield answer
        finally:
            waiting.discard(answer)
            if not waiting:
                self._waiting.pop((name, key), None)

    def _read(self, kind: Kind, record: RawRecord) -> Answer | None:
        value, key, place = record.value or b"", record.key or b"", self.count + 1
        if kind == "prediction":
            head = _head(value)
            return Answer(head.source.removesuffix(PREDICTION_SUFFIX), head.id, key, kind, value, place)
        said = _rejected(value)
        if said.data.kind == "label" or not said.data.id:
            return None
        source, content = said.source.removesuffix(REJECTED_SUFFIX), _encode(said.data)  # without the original bytes
        return Answer(source, said.data.id, key, kind, content, place)

    def _keep(self, name: Name, answer: Answer) -> bool:
        """Keep it; whether it is news."""
        known = self._kept.get(name)
        if known is not None and known.kind == "prediction" and known.key == answer.key:
            return False
        if known is None or known.kind == "rejection":
            self._bytes += len(answer.content) - (len(known.content) if known is not None else 0)
            self._kept[name] = answer
            self._kept.move_to_end(name)
            self._drop_oldest()
        return True

    def _drop_oldest(self) -> None:
        while len(self._kept) > self._most or (self._bytes > self._most_bytes and len(self._kept) > 1):
            name, answer = self._kept.popitem(last=False)
            self._bytes -= len(answer.content)
            self._dropped[hash(name)] = None
        while len(self._dropped) > self._most:
            self._dropped.popitem(last=False)

    def _tell(self, name: Name, answer: Answer) -> None:
        for waiting in self._waiting.get((name, answer.key), ()):
            if not waiting.done():
                waiting.set_result(answer)
        if answer.kind == "prediction" and self._listening:
            for listener in self._listening.get((name[0], answer.key), ()):
                if listener.qsize() < LISTENER_HOLDS:
                    listener.put_nowait(answer)
                elif not listener.full():
                    listener.put_nowait(None)
