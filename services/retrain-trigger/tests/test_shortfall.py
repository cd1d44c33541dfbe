"""A champion that falls short of its holdout: trained for at once, and once."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift
from penstock.retrain_trigger.stream_state import StreamState

from .conftest import drift, ended, promoted, statistics
from .simulated_stream import SimulatedStream

BUSY: dict[str, Any] = {"cooldown": 10_000, "settle": 500, "fresh": 0.5, "growth": 100.0}


def shortfall(outcomes: int, epoch: int) -> Drift:
    changes = {"id": f"f{outcomes}", "detector": "holdout", "epoch": epoch, "statistic": 0.42, "threshold": 0.12}
    return drift(outcomes).model_copy(update=changes)


def with_a_champion(**retrain: Any) -> SimulatedStream:
    """A stream whose first model was promoted in epoch 1."""
    stream = SimulatedStream(RetrainDeclaration(**{**BUSY, **retrain}))
    (first,) = stream.apply(statistics(500))
    assert first.reason == "first"
    return stream


def epoch_of(stream: SimulatedStream, epoch: int, version: int) -> ModelEpoch:
    record = promoted(stream.issued[0], epoch)
    return record.model_copy(update={"champion": record.champion.model_copy(update={"version": version})})


def test_a_shortfall_asks_for_a_training_whatever_the_cooldown() -> None:
    stream = with_a_champion()
    (request,) = stream.apply(shortfall(590, 1), trained=False)
    assert (request.reason, request.shortfall, request.cause) == ("performance", 1, "f590")
    assert (request.until, request.time) == (590, shortfall(590, 1).time)
    assert request.detail == "mean loss 0.42 in epoch 1, expected 0.12"
    assert request.since is None, "it is no change of the stream"


def test_it_never_becomes_where_models_begin_to_learn() -> None:
    stream = with_a_champion(settle=0)
    stream.apply(shortfall(590, 1))
    assert stream.state.changes(of_features=True) == []
    assert [request.since for request in stream.apply(drift(20_000), statistics(40_000))] == [20_000]


def test_a_champion_is_trained_for_once_until_another_serves() -> None:
    stream = with_a_champion()
    stream.gain = 0.0  # no candidate is promoted
    assert [request.shortfall for request in stream.apply(shortfall(590, 1))] == [1]
    step = epoch_of(stream, 2, 1)
    assert stream.apply(step, shortfall(700, 2), statistics(800)) == [], "a step of a rollout is the same champion's"
    assert [request.shortfall for request in stream.apply(epoch_of(stream, 3, 7), shortfall(900, 3))] == [3]


def test_each_request_made_while_the_champion_falls_short_names_its_epoch() -> None:
    """What a return would gain is worked out anew with each training, on more of the outcomes that show it."""
    stream = with_a_champion(every=300)
    stream.gain = 0.0
    assert [(each.reason, each.shortfall) for each in stream.apply(shortfall(590, 1))] == [("performance", 1)]
    assert [(each.reason, each.shortfall) for each in stream.apply(statistics(900))] == [("volume", 1)]
    stream.apply(epoch_of(stream, 2, 7))
    assert [(each.reason, each.shortfall) for each in stream.apply(statistics(1200))] == [("volume", None)]


def test_a_champion_of_before_is_not_trained_for() -> None:
    stream = with_a_champion()
    assert stream.apply(epoch_of(stream, 2, 7), shortfall(590, 1), statistics(600)) == []


def test_while_a_run_is_under_way_it_waits() -> None:
    stream = with_a_champion(every=60)
    (volume,) = stream.apply(statistics(560), trained=False)
    assert stream.apply(shortfall(590, 1), trained=False) == []
    assert stream.decision().reason == "under-way"
    stream.gain = 0.0
    stream.train(volume)
    assert [request.shortfall for request in stream.apply(statistics(600))] == [1]


@pytest.mark.parametrize(("gain", "due_at"), [(0.0, 2400), (0.1, 3100)])
def test_a_training_for_it_that_changes_nothing_delays_no_training_for_the_drift(gain: float, due_at: int) -> None:
    """The drift settles after 400 outcomes; only a model that was promoted meanwhile has the cooldown of 1,000."""
    stream = with_a_champion(cooldown=1000, settle=400, fresh=0.0)
    stream.gain = gain
    assert [request.shortfall for request in stream.apply(drift(2000), shortfall(2100, 1))] == [1]
    due = [number for number in range(2200, 4000, 100) if stream.apply(statistics(number))]
    assert due[0] == due_at


def test_the_budget_of_the_day_holds() -> None:
    stream = SimulatedStream(RetrainDeclaration(**BUSY, budget=10))
    (first,) = stream.apply(statistics(500), trained=False)
    stream.apply(ended(first, seconds=11), promoted(first))
    assert stream.apply(shortfall(590, 1)) == []
    assert [request.shortfall for request in stream.apply(statistics(500 + 24 * 60))] == [1]


def test_the_baseline_is_trained_for_before_the_first_training_is_due() -> None:
    stream = SimulatedStream(RetrainDeclaration(**BUSY, first_after=5000))
    assert [request.reason for request in stream.apply(statistics(300), shortfall(390, 0))] == ["performance"]


def test_the_order_of_topics_does_not_matter() -> None:
    stream = with_a_champion()
    records = [epoch_of(stream, 2, 7), epoch_of(stream, 3, 7), shortfall(590, 1), shortfall(700, 3)]
    states = []
    for order in (records, records[2:] + records[:2], [*records, records[0]]):
        state = StreamState()
        for record in order:
            state.apply(record)
        states.append(state)
    assert states[0] == states[1] == states[2]
    assert states[0].open_shortfall == shortfall(700, 3)
