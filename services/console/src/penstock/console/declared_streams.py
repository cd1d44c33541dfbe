"""Which streams a deployment carries, read from the log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from penstock.bus.follower import TopicFollower
from penstock.bus.ports import Log
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import STREAMS


async def declared_streams(log: Log, namespace: str) -> Streams:
    """Every stream that has been declared so far."""
    streams = Streams()
    follower = TopicFollower(log, namespace, STREAMS, streams.apply)
    await follower.start()
    await follower.close()
    return streams


async def await_declared(log: Log, namespace: str, name: str) -> StreamDeclared:
    """The stream's declaration, once it is on the log."""
    while True:
        found = (await declared_streams(log, namespace)).get(name)
        if found is not None:
            return found
        await asyncio.sleep(0.05)


def numbered(name: str, streams: Iterable[str]) -> int:
    """The number of the newest replay `<name>-<n>` among the streams, 0 when there is none.

    >>> numbered("loans", ["loans", "loans-2", "loans-10", "loans-x"])
    10
    """
    pattern = re.compile(rf"{re.escape(name)}-(\d+)")
    return max((int(found.group(1)) for stream in streams if (found := pattern.fullmatch(stream))), default=0)
