"""Control topics read whole by every instance: fold from the start, then keep up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from penstock.bus.ports import FetchedBatch, Log, Reader
from penstock.contracts.batch import Unreadable
from penstock.contracts.topics import Topic

R = TypeVar("R")


class Follower(Protocol):
    """Reads on and on, outside any group."""

    async def start(self) -> None:
        """Begin, or begin anew."""

    async def step(self, wait: float) -> int:
        """Take in what came since, waiting `wait` seconds for the first; how many records that were."""

    async def close(self) -> None:
        """Stop reading; `start` goes on where this stopped."""


class TopicFollower(Generic[R]):
    """Folds a control topic into `apply`, from its first record on, outside any group.

    `apply` sees every record once, in order. Records that no one can read are passed over: the service that consumes
    the topic in a group dead-letters them.
    """

    def __init__(self, log: Log, namespace: str, topic: Topic[R], apply: Callable[[R], None]) -> None:
        self._log = log
        self._place = (topic.name(namespace), 0)
        self._decode = topic.decoder(None)
        self._apply = apply
        self._reader: Reader | None = None
        self.position = 0

    async def start(self) -> None:
        """Fold everything that is there now.

        Raises:
            BrokerUnavailable: the log does not answer.
        """
        await self.close()
        self._reader = await self._log.reader({self._place: self.position})
        self._fold(await self._reader.read_to_end())

    async def step(self, wait: float) -> int:
        """Fold what came since; how many records that were."""
        if self._reader is None:
            await self.start()
        assert self._reader is not None
        return self._fold(await self._reader.poll(wait))

    async def close(self) -> None:
        """Stop following; `start` goes on where this stopped."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    def _fold(self, fetched: Iterable[FetchedBatch]) -> int:
        folded = 0
        for records in fetched:
            decoded: list[Any] = self._decode(records.records)
            for raw, record in zip(records.records, decoded, strict=True):
                self.position = raw.offset + 1
                if not isinstance(record, Unreadable):
                    self._apply(record)
                folded += 1
        return folded
