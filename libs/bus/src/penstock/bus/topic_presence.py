"""Whether a topic is still there: a reader of one that was deleted would wait for its records for ever."""

from __future__ import annotations

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.ports import Log


async def expect_topic(log: Log, topic: str) -> None:
    """Check that a topic is there, where records were expected of it and none came.

    Raises:
        BrokerUnavailable: it is not.
    """
    if not await log.existing([topic]):
        raise BrokerUnavailable(f"{topic} is not there any more")
