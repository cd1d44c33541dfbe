"""A paused stream asks for no training; once it goes on, what fell due is decided anew, as one training at most."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock.contracts.records.streams import Pause, StreamDeclared, Streams
from penstock.retrain_trigger.pauses import PauseTime, pause_times
from penstock.retrain_trigger.policy_engine import PolicyEngine
from penstock.retrain_trigger.stream_state import StreamState

from .conftest import START, command, declared, drift, ended, statistics

NOON = START + timedelta(hours=12)


class Stream:
    """One stream and the engine that decides on it."""

    def __init__(self, **retrain: Any) -> None:
        self.newest = declared(**retrain)
        self.streams = Streams()
        self.engine = PolicyEngine(self.streams)
        self.apply(self.newest)

    def apply(self, *records: Any) -> None:
        for record in records:
            if isinstance(record, StreamDeclared):
                self.streams.apply(record)
            self.engine.apply(record)

    def pause(self, time: datetime | None) -> None:
        """Pause it at a time; None: let it go on."""
        pause = None if time is None else Pause(by="ann", time=time)
        self.newest = self.newest.model_copy(update={"revision": self.newest.revision + 1, "pause": pause})
        self.apply(self.newest)

    def due(self, since: datetime, now: datetime) -> set[str]:
        return set(self.engine.evaluate_schedules(since, now))


@pytest.mark.parametrize("cause", [statistics(500), command("now")], ids=["outcomes", "command"])
def test_while_it_is_paused_nothing_is_decided_and_then_anew(cause: Any) -> None:
    stream = Stream(first_after=100)
    stream.pause(START)
    stream.apply(statistics(90), cause)
    assert stream.engine.evaluate("power") is None
    stream.pause(None)
    decision = stream.engine.evaluate("power")
    assert decision is not None
    assert decision.request is not None


def test_what_fell_due_is_one_training_however_much_it_was() -> None:
    stream = Stream(first_after=100, cooldown=10, cron="0 * * * *")
    stream.apply(statistics(100))
    first = stream.engine.evaluate("power")
    assert first is not None
    assert first.request is not None
    stream.apply(first.request, ended(first.request))
    stream.pause(START)
    stream.apply(statistics(300), drift(250), drift(400), statistics(900))
    assert stream.due(START, NOON) == set()
    stream.pause(None)
    later = NOON + timedelta(seconds=1)
    (decision,) = stream.engine.evaluate_schedules(NOON, later).values()
    assert decision.request is not None
    stream.apply(decision.request)
    assert stream.due(later, later + timedelta(seconds=1)) == set()


@pytest.mark.parametrize(("until", "due"), [(START + timedelta(minutes=30), set()), (NOON, {"power"})])
def test_a_schedule_that_fired_in_the_pause_counts_once_it_is_over(until: datetime, due: set[str]) -> None:
    stream = Stream(first_after=1000, cron="0 * * * *")
    stream.apply(statistics(100))
    stream.pause(START)
    stream.pause(None)
    assert stream.due(until - timedelta(seconds=1), until) == due
    assert stream.due(until, until + timedelta(seconds=1)) == set()


def test_one_that_starts_later_does_not_count_pauses_that_were_over_before() -> None:
    stream = Stream(first_after=1000, cron="0 * * * *")
    stream.apply(statistics(100))
    stream.pause(START)
    stream.pause(None)
    stream.engine.forget_resumed()
    assert stream.due(NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)) == set()


def test_the_ledger_knows_its_pauses_whatever_comes_twice() -> None:
    record = declared()
    first = Pause(by="ann", time=START, detail="bad feed")
    closed = Pause(by="bob", time=START, detail="worse", intake=True)
    states = [
        record,
        record.model_copy(update={"revision": 1, "time": START, "pause": first}),
        record.model_copy(update={"revision": 2, "time": START + timedelta(hours=1), "pause": closed}),
        record.model_copy(update={"version": 2, "time": START + timedelta(hours=2), "pause": closed}),
        record.model_copy(update={"version": 2, "revision": 1, "time": NOON}),
        record.model_copy(update={"version": 2, "revision": 2, "time": NOON, "pause": Pause(by="eve", time=NOON)}),
    ]
    state = StreamState()
    for each in [*states, *states]:
        state.apply(each)
    assert pause_times(state) == [
        PauseTime(START, NOON, "bob", "worse", intake=True),
        PauseTime(NOON, None, "eve", "", intake=False),
    ]
