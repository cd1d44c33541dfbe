"""Schedules that cannot be: a declaration of an earlier release was not checked."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from penstock.contracts.records.streams import Streams
from penstock.retrain_trigger.cron_schedule import firing_between
from penstock.retrain_trigger.policy_engine import PolicyEngine

from .conftest import START, declared, statistics


@pytest.mark.parametrize("cron", ["61 * * * *", "at night", "", "0 0 30 2 *", "R * * * *", "0 0 0 0 0"])
def test_a_wrong_cron_never_fires_and_is_logged_once(cron: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        fired = [firing_between(cron, START, START + timedelta(days=days)) for days in (1, 400)]
    assert fired == [None, None]
    assert [record.getMessage()[:24] for record in caplog.records] == ["retrain.cron never fires"]


def test_a_stream_with_a_wrong_cron_goes_on_and_the_others_keep_theirs() -> None:
    wrong, right = declared(cron="99 99 * * *"), declared(cron="0 * * * *")
    other = right.model_copy(update={"declaration": right.declaration.model_copy(update={"name": "wind"})})
    streams = Streams()
    for stream in (wrong, other):
        streams.apply(stream)
    engine = PolicyEngine(streams)
    for name in ("power", "wind"):
        engine.apply(statistics(100).model_copy(update={"stream": name}))
    assert set(engine.evaluate_schedules(START, START + timedelta(hours=2))) == {"wind"}
    assert engine.evaluate("power") is not None
