"""A broker that is away is told of past the log, once, after a while; and so is its return."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import TopicPartition
from penstock.notifier.broker_watch import PATIENCE_MS, BrokerWatch, Recipient
from penstock.notifier.delivery.errors import DeliveryRefused, DestinationUnavailable
from penstock.notifier.news import News
from penstock.notifier.notifications import Destination, Silence
from penstock.runtime.single_process import VirtualClock

from .site import NOW


class Broker(MemoryLog):
    """A log whose broker may be away."""

    is_away = True

    async def end_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        if self.is_away:
            raise BrokerUnavailable("connection refused")
        return await super().end_offsets(topic_partitions)


class Inbox:
    """Keeps what is sent; `errors` are raised in turn first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.states: list[str] = []
        self.ids: set[str] = set()

    async def send(self, news: News) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.states.append(news.alert.state)
        self.ids.add(news.message_id)
        return "taken"


class Watch:
    """A watch with these inboxes, and a clock that it looks at."""

    def __init__(self, *inboxes: Inbox, silences: tuple[Silence, ...] = (), **fields: Any) -> None:
        self.broker, self.clock = Broker(), VirtualClock(NOW)
        recipients = [
            Recipient(Destination.model_validate({"name": f"d{number}", **fields}), inbox)
            for number, inbox in enumerate(inboxes)
        ]
        self.counted: list[str] = []
        self.watch = BrokerWatch(self.broker, "penstock", recipients, silences, self.clock, self.counted.append)

    async def look(self, *, is_away: bool, after_ms: int = 2000) -> None:
        self.broker.is_away = is_away
        self.clock.advance_to(self.clock() + after_ms)
        await self.watch.check()


async def test_it_is_told_once_after_a_while_and_so_is_its_return() -> None:
    inbox = Inbox()
    watch = Watch(inbox)
    await watch.look(is_away=True)
    assert inbox.states == [], "it may be a restart"
    for _ in range(10):
        await watch.look(is_away=True)
    assert inbox.states == ["firing"]
    for _ in range(3):
        await watch.look(is_away=False)
    assert inbox.states == ["firing", "resolved"]
    for _ in range(10):
        await watch.look(is_away=True)
    assert inbox.states == ["firing", "resolved", "firing"]
    assert watch.counted == inbox.states, "the metrics have it once, too"
    assert len(inbox.ids) == 3


async def test_a_restart_is_not_told() -> None:
    inbox = Inbox()
    watch = Watch(inbox)
    await watch.look(is_away=True)
    await watch.look(is_away=True, after_ms=PATIENCE_MS - 1)
    await watch.look(is_away=False)
    await watch.look(is_away=True, after_ms=PATIENCE_MS)
    assert (inbox.states, watch.counted) == ([], [])


async def test_who_does_not_take_it_is_told_at_the_next_look_and_who_refuses_is_not() -> None:
    patient, refusing, good = Inbox(DestinationUnavailable("away")), Inbox(DeliveryRefused("no")), Inbox()
    watch = Watch(patient, refusing, good)
    await watch.look(is_away=True)
    await watch.look(is_away=True, after_ms=PATIENCE_MS)
    assert (patient.states, refusing.states, good.states) == ([], [], ["firing"])
    await watch.look(is_away=True)
    assert (patient.states, refusing.states, good.states) == (["firing"], [], ["firing"])


async def test_who_does_not_want_it_is_not_told() -> None:
    for fields in ({"kinds": ["drift"]}, {"streams": ["loans"]}):
        inbox = Inbox()
        watch = Watch(inbox, **fields)
        await watch.look(is_away=True)
        await watch.look(is_away=True, after_ms=PATIENCE_MS)
        await watch.look(is_away=False)
        assert inbox.states == []
