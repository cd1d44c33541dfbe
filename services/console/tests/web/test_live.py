"""What the console follows: the newest of each stream in bounded memory, rates, and one message for all viewers."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.console.web.live.answer_rates import AnswerCounts, AnswerRates
from penstock.console.web.live.deployment_history import DeploymentHistory
from penstock.console.web.live.live_feed import LiveFeed
from penstock.console.web.live.stream_history import KEPT_BLOCKS, KEPT_STATISTICS, StreamHistory
from penstock.console.web.recent_value import RecentValue
from penstock.contracts.records.monitoring import Alert, Statistics
from penstock.contracts.records.streams import Streams

TIME = datetime(2026, 3, 1, tzinfo=UTC)


def block(number: int, score: float = 0.9, **own: Any) -> Statistics:
    fields: dict[str, Any] = {
        "joined": 100, "expired": 0, "metric": "accuracy", "score": score, "coverage": 1.0, "version": 1, "epoch": 1,
        "first_time": TIME, "last_time": TIME, "stream": "loans", "start": number * 100, "stop": number * 100 + 100,
    }  # fmt: skip
    return Statistics(source="/test", id=f"{number}-{own}", time=TIME, **{**fields, **own})


def alert(state: str, key: str | None = "drift", stream: str | None = "loans") -> Alert:
    fields = {"severity": "warning", "subject": "s", "message": "m", "state": state, "key": key, "stream": stream}
    return Alert(source="/test", id=f"{state}-{key}", time=TIME, **fields)  # type: ignore[arg-type]


def test_of_a_block_the_most_mature_record_counts_in_whatever_order_they_come() -> None:
    records = [
        block(0, 0.5),
        block(0, 0.6, clock="matured"),
        block(0, 0.7, clock="matured", revised=2),
    ]
    for order in itertools.permutations(records):
        history = StreamHistory()
        for record in order:
            history.apply(record)
        assert [each.score for each in history.ordered_blocks] == [0.7]
        assert [each.score for each in history.newest_statistics] == [0.7]


def test_a_history_keeps_the_newest_blocks_and_no_more() -> None:
    history = StreamHistory()
    for number in range(KEPT_BLOCKS + 50):
        history.apply(block(number))
    assert [each.start for each in history.ordered_blocks] == [n * 100 for n in range(50, KEPT_BLOCKS + 50)]
    assert len(history.statistics) == KEPT_STATISTICS
    assert history.newest_statistics[-1].start == (KEPT_BLOCKS + 49) * 100


def test_an_alert_is_open_until_the_newest_of_its_key_is_resolved() -> None:
    history = StreamHistory()
    for record in (alert("firing"), alert("firing", "lag"), alert("resolved"), alert("firing", None)):
        history.apply(record)
    assert [each.key for each in history.open_alerts] == ["lag"]


def test_records_without_a_stream_are_of_the_control_plane() -> None:
    history = DeploymentHistory()
    history.apply(alert("firing", stream=None))
    history.apply(alert("firing"))
    assert len(history.control_plane.open_alerts) == len(history.streams["loans"].open_alerts) == 1
    assert history.declared() == {}
    assert history.revision == 2


def test_a_rate_is_the_growth_of_ten_seconds_and_never_negative() -> None:
    counts = AnswerCounts()
    assert (counts.rate, counts.total, counts.rates) == (0.0, 0, [])
    for second in range(30):
        counts.looks.append((float(second), 1000 + 50 * second))
    assert (counts.rate, counts.total) == (50.0, 1000 + 50 * 29)
    counts.looks.append((30.0, 0))  # the topic was made anew
    assert counts.rate == 0.0


async def test_streams_without_topics_have_no_rate() -> None:
    rates = AnswerRates(MemoryLog(), "penstock", Streams())
    await rates.look()
    assert rates.of("loans").total == 0


async def test_all_viewers_get_the_same_message_made_once() -> None:
    history, log = DeploymentHistory(), MemoryLog()
    feed = LiveFeed(history, AnswerRates(log, "penstock", Streams()))
    viewers = [feed.messages() for _ in range(3)]
    waiting = [asyncio.ensure_future(anext(viewer)) for viewer in viewers]
    await asyncio.sleep(0)
    task = asyncio.ensure_future(feed.run())
    messages = await asyncio.gather(*waiting)
    assert messages[0] == {"revision": 0, "streams": {}}
    assert all(message is messages[0] for message in messages)
    task.cancel()


async def test_a_recent_value_is_found_once_for_all_who_ask_and_anew_when_it_is_old() -> None:
    now, found = [0.0], itertools.count()

    async def find() -> int:
        await asyncio.sleep(0)
        return next(found)

    value = RecentValue(find, 2.0, lambda: now[0])
    assert await asyncio.gather(*(value.get() for _ in range(5))) == [0] * 5
    now[0] = 1.9
    assert await value.get() == 0
    now[0] = 2.0
    assert await value.get() == 1


async def test_what_cannot_be_found_is_tried_again() -> None:
    outcomes = iter([RuntimeError("down"), 7])

    async def find() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    value = RecentValue(find, 2.0, lambda: 0.0)
    with pytest.raises(RuntimeError):
        await value.get()
    assert await value.get() == 7
