"""Learning from outcomes: lag features, a champion that goes on learning, and what predictions say of both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Event
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.interrupted_log import InterruptedLog
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.records.outcomes import Outcome, OutcomeData, outcome_type
from penstock.contracts.records.payloads import payload_type
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import OUTCOMES, STREAMS
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.models.baseline import baseline
from penstock.ml.online.blend import Blend, new_groups
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.key_forecasts import forecast_features
from penstock.ml.package.blend_members import describe_blend, member_names
from penstock.ml.package.model_package import pack, unpack
from penstock.server.learning.outcome_follower import OutcomeFollower
from penstock.server.learning.outcome_state import OutcomeState, new_outcome_state
from penstock.server.models import local_model as local_model_module
from penstock.server.models.local_model import LocalModel
from penstock.server.models.model_processes import ModelProcesses
from penstock.server.models.schema_check import schema_mismatch

LAGS = "[lags]\nlabel = [1, 2]\nmean = 3\n"
HISTORY = '[history]\nkeys = ["region", ["person", "region"]]\n'
FIELDS = (Field("income", "number"), Field("region", "category"))


def outcome(declared: StreamDeclared, number: int, income: float, label: str | None, **details: Any) -> Any:
    """The outcome of the event with this number; `details` are added to its prediction."""
    payload = payload_type(declared.declaration)
    person = f"p{number % 2}"
    prediction = PredictionData(
        value="no", model="loans", version=0, digest="d", epoch=0, schema=1, code="0", **details
    )
    data = OutcomeData(
        fields=payload(f0=person, f1=income, f2="n"),
        prediction=prediction,
        label=label,
        revision=0,
        label_time=declared.time if label else None,
        status="joined" if label else "expired",
        entity=person,
    )
    new_outcome: Any = outcome_type(payload)
    record: Outcome[Any] = new_outcome(source="test#outcome", id=f"e{number}", time=declared.time, data=data)
    return record


def raw(outcomes: Sequence[Any], first: int = 0) -> list[MemoryRecord]:
    return [MemoryRecord(offset, 0, None, encode(record), ()) for offset, record in enumerate(outcomes, first)]


def blend_of(declared: StreamDeclared) -> Blend:
    """A blend that has learnt nothing, for a stream whose label says whether the income is above 50."""
    lags = Lags.of(declared.declaration)
    incomes = np.linspace(0, 100, 60)
    columns: dict[str, Any] = {"income": incomes, "region": column("category", ["n"] * 60)}
    columns |= {field.name: np.zeros(60) for field in lags.fields}
    frame = Frame(columns, times(["2026-01-01"] * 60))
    encoder = Encoder.fit(frame, FIELDS)
    groups = new_groups(encoder, lags, frame, np.zeros(60), 2)
    of_keys = len(forecast_features(lags.history, ("no", "yes")))
    experts = of_keys + sum(len(group.models.rates) for group in groups)
    blend = Blend("binary", ("no", "yes"), encoder, lags, (), groups, ExpertMixture(experts), LabelHistory(lags))
    unpacked = unpack(pack(blend, frame.take([0, 30])))
    assert isinstance(unpacked, Blend)
    return unpacked


def baseline_state(declared: StreamDeclared) -> OutcomeState:
    """The outcome state of a model that learns nothing more."""
    state = new_outcome_state(baseline("binary", ["no", "yes"], None, FIELDS), declared.declaration, "d")
    assert state is not None
    return state


def blend_state(declared: StreamDeclared) -> tuple[Blend, OutcomeState]:
    """A new blend and its outcome state."""
    blend = blend_of(declared)
    state = new_outcome_state(blend, declared.declaration, "d")
    assert state is not None
    return blend, state


def test_lag_features_are_of_the_entity_and_of_the_first_outcome_of_each_event(registry: Any) -> None:
    declared = registry.declared(more=LAGS)
    state = baseline_state(declared)
    outcomes = [outcome(declared, 0, 1.0, "yes"), outcome(declared, 1, 1.0, "no"), outcome(declared, 2, 1.0, "no")]
    repeated = [outcome(declared, 2, 1.0, "yes"), outcome(declared, 4, 1.0, None)]
    state.learn(declared, raw([*outcomes, *repeated]))
    _, lag_features = state.add_lag_features(Frame({"income": np.zeros(2)}, times([0, 0])), ["p0", "p1"])
    assert lag_features is not None
    assert np.allclose(np.array(lag_features, dtype=float), [[0.0, 1.0, 0.5], [0.0, np.nan, 0.0]], equal_nan=True)
    assert state.learnt_to == 5


def test_an_event_that_expired_first_has_no_label_whatever_repeated_work_joins_to_it(registry: Any) -> None:
    declared = registry.declared(more=LAGS)
    state = baseline_state(declared)
    state.learn(declared, raw([outcome(declared, 0, 1.0, None), outcome(declared, 0, 1.0, "yes")]))
    _, lag_features = state.add_lag_features(Frame({"income": np.zeros(1)}, times([0])), ["p0"])
    assert np.isnan(np.array(lag_features, dtype=float)).all()


def imported(declared: StreamDeclared, number: int, label: str) -> Any:
    """Imported history of the person that the number stands for."""
    record = outcome(declared, number, 1.0, label)
    data = replace(record.data, prediction=UNSET, status="imported")
    return replace(record, source="import/loans#outcome", data=data)


def test_labels_of_history_count_until_the_first_live_outcome(registry: Any) -> None:
    declared = registry.declared(more=LAGS)
    state = baseline_state(declared)
    outcomes = [imported(declared, 0, "yes"), outcome(declared, 2, 1.0, "no"), imported(declared, 4, "yes")]
    state.learn(declared, raw([outcomes[0], outcomes[0]]))
    state.learn(declared, raw(outcomes[1:], 2))
    _, lag_features = state.add_lag_features(Frame({"income": np.zeros(1)}, times([0])), ["p0"])
    assert lag_features == [[0.0, 1.0, 0.5]]
    assert state.learnt_to == 4


def test_a_blend_learns_nothing_from_history_here(registry: Any) -> None:
    declared = registry.declared(more=LAGS)
    blend, state = blend_state(declared)
    state.learn(declared, raw([imported(declared, 0, "yes"), imported(declared, 1, "no")]))
    assert all(np.abs(group.models.weights).sum() == 0 for group in blend.groups)
    assert blend.label_history.features(["p0"])[0, 0] == 1.0


@pytest.mark.parametrize("step", [1, 3, 40])
def test_the_weights_do_not_depend_on_how_outcomes_are_batched(registry: Any, step: int) -> None:
    declared = registry.declared(more=LAGS)
    rng = np.random.default_rng(0)
    outcomes = [
        outcome(declared, number, income, "yes" if income > 50 else "no", lag_features=[1.0, None, 1.0])
        for number, income in enumerate(rng.uniform(0, 100, 40).tolist())
    ]
    weights = []
    for size in (len(outcomes), step):
        blend, state = blend_state(declared)
        for first in range(0, len(outcomes), size):
            state.learn(declared, raw(outcomes[first : first + size], first))
        weights.append([group.models.weights for group in blend.groups])
    assert all(np.array_equal(whole, batched) for whole, batched in zip(*weights, strict=True))
    assert np.abs(weights[0][0]).sum() > 0


def test_predictions_carry_what_they_were_made_from(registry: Any) -> None:
    declared = registry.declared(more=LAGS)
    blend, state = blend_state(declared)
    frame = Frame({"income": np.array([1.0]), "region": column("category", ["n"])}, times([0]))
    with_lags, lag_features = state.add_lag_features(frame, ["p0"])
    details = state.details(lag_features, blend.predict(with_lags))
    assert details is not None
    assert details.experts is not None
    assert (len(details.lag_features or []), len(details.experts[0])) == (1, blend.mixture.output_count)


@pytest.mark.parametrize(("digest", "is_own"), [("d", True), ("another version's", False)])
def test_the_weights_move_by_what_its_own_experts_said(registry: Any, digest: str, is_own: bool) -> None:
    declared = registry.declared(more=LAGS)
    blend, state = blend_state(declared)
    probabilities = np.linspace(0.1, 0.9, blend.mixture.output_count).tolist()
    record = outcome(declared, 0, 60.0, "yes", lag_features=[None, None, None], experts=probabilities)
    record.data.prediction.digest = digest
    before = blend.mixture.weights.copy()
    state.learn(declared, raw([record]))
    assert np.array_equal(blend.mixture.weights, before) != is_own
    assert np.abs(blend.groups[0].models.weights).sum() > 0, "the additive models learn the label either way"


def test_a_blend_of_other_lags_does_not_fit(registry: Any) -> None:
    declared, plain = registry.declared(more=LAGS), registry.declared()
    assert schema_mismatch(blend_of(declared), declared.declaration) is None
    for other in (plain, registry.declared(more=LAGS + HISTORY)):
        assert "lag features" in str(schema_mismatch(blend_of(declared), other.declaration))


def test_a_restart_from_a_package_knows_what_no_restart_knows(registry: Any) -> None:
    declared = registry.declared(more=LAGS + HISTORY)
    outcomes = [outcome(declared, number, number, "yes" if number % 3 else "no") for number in range(20)]
    for record in outcomes[:8]:
        record.data.fields.f2 = "s"
    blend, state = blend_state(declared)
    state.learn(declared, raw(outcomes[:12]))
    blend.learnt_to = state.learnt_to
    rows = Frame({"region": column("category", ["n", "s", "w", None])}, times(["2026-01-02"] * 4))
    rows.columns["person"] = column("category", ["p0", "p1", "p0", "p1"])
    golden = Frame(
        {field.name: np.zeros(1) for field in blend.inputs} | {"region": column("category", ["n"])}, times([0])
    )
    restored = unpack(pack(blend, golden))
    assert isinstance(restored, Blend)
    again = new_outcome_state(restored, declared.declaration, "d")
    assert again is not None
    assert again.learnt_to == 12
    people = ["p0", "p1", "p0", "p1"]
    for records in ([], raw(outcomes[12:], 12)):
        if records:
            state.learn(declared, records)
            again.learn(declared, records)
        (_, expected), (_, features) = [each.add_lag_features(rows, people) for each in (state, again)]
        assert expected is not None
        assert str(features) == str(expected), "as text, since nothing known is NaN"
    counts = [field.name for field in blend.lags.fields].index("history.region.count")
    assert [row[counts] for row in expected] == [12.0, 8.0, 0.0, 0.0]


def test_streams_without_history_declare_what_packages_have_always_said(registry: Any) -> None:
    declared = registry.declared(more=LAGS)
    description = describe_blend(blend_of(declared))
    assert description["lags"] == {"back": (1, 2), "mean": 3, "inputs": ()}
    assert set(description["known"]) == {"entities", "labels"}
    assert not any(name.startswith("history") for name in member_names(description))


async def test_an_event_is_predicted_with_the_labels_known_when_it_came(deployment: Any, registry: Any) -> None:
    declared = registry.declared(version=2, more=LAGS)
    await deployment.publish(STREAMS, declared)
    await deployment.serve_epoch(registry.epoch(0))
    await deployment.publish_events([deployment.event(0)])
    await deployment.run_until_quiet()
    await deployment.publish_outcomes([outcome(declared, 0, 10.0, "yes"), outcome(declared, 2, 10.0, "no")])
    await deployment.publish_events([deployment.event(7)])
    await deployment.run_until_quiet()
    predictions = {p.id: p.data for p in deployment.predictions()}
    assert {event: data.learnt_to for event, data in predictions.items()} == {"e0": 0, "e7": 2}
    assert predictions["e0"].lag_features == [None, None, None]
    assert predictions["e7"].lag_features == [0.0, 1.0, 0.5]


async def test_without_lags_a_trained_model_follows_no_outcomes(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    await deployment.publish_events([deployment.event(0)])
    await deployment.run_until_quiet()
    (prediction,) = deployment.predictions()
    assert prediction.data.learnt_to is UNSET
    assert deployment.health()[0]["learnt_to"] == {}


async def test_a_model_in_a_child_learns_and_answers_as_one_in_this_process(deployment: Any) -> None:
    declared = deployment.declared(2, LAGS)
    blend = blend_of(declared)
    frame = Frame(
        {"income": np.array([10.0, 90.0]), "region": column("category", ["n", None])}, times(["2026-01-01"] * 2)
    )
    here, processes = LocalModel(blend, declared.declaration, "d"), ModelProcesses()
    golden = Frame({field.name: np.zeros(2) for field in blend.lags.fields} | frame.columns, frame.times)
    in_child = await processes.open(pack(blend, golden), declared.declaration)
    try:
        for first in (0, 20):
            records = raw(
                [outcome(declared, n, n * 2.5, "yes" if n > 20 else "no") for n in range(first, first + 20)], first
            )
            for model in (here, in_child):
                assert model.learner is not None
                await model.learner.teach(declared, records)
            expected, answers = [await model.answer(frame, ["p0", "p1"]) for model in (here, in_child)]
            assert answers.learnt_to == expected.learnt_to == first + 20
            assert answers.details == expected.details
            assert answers.output.values == expected.output.values
            assert np.array_equal(answers.output.numbers(2), expected.output.numbers(2))
    finally:
        in_child.close()


async def test_nothing_is_learnt_while_a_thread_still_reads_the_model(
    deployment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_model_module, "LARGE_BATCH", 0)
    declared = deployment.declared(2, LAGS)
    model, started, released = LocalModel(blend_of(declared), declared.declaration, "d"), Event(), Event()
    answer = model.answer_now

    def answer_slowly(*arguments: Any) -> Any:
        started.set()
        assert released.wait(60)
        return answer(*arguments)

    monkeypatch.setattr(model, "answer_now", answer_slowly)
    frame = Frame({"income": np.zeros(1), "region": column("category", ["n"])}, times(["2026-01-01"]))
    answering = asyncio.ensure_future(model.answer(frame, ["p0"]))
    await deployment.eventually(started.is_set)
    answering.cancel()
    await asyncio.wait({answering})
    assert model.learner is not None
    learning = asyncio.ensure_future(model.learner.teach(declared, raw([outcome(declared, 0, 1.0, "no")])))
    await asyncio.sleep(0)
    assert (answering.cancelled(), model.learner.learnt_to) == (True, 0)
    assert model.learner.lock.locked()
    released.set()
    await learning
    assert model.learner.learnt_to == 1


async def test_catching_up_learns_outcomes_as_they_are_read(registry: Any) -> None:
    declared = registry.declared(more=LAGS)
    log, streams = InterruptedLog(polls=4, records=1), Streams()
    streams.apply(declared)
    await log.create(stream_topics("penstock", declared))
    outcomes = [outcome(declared, number, 1.0, "yes" if number % 3 else "no") for number in range(10)]
    await Publisher(log, "penstock", streams).publish([Outputs(OUTCOMES, "loans", outcomes, [b""] * 10)])
    follower = OutcomeFollower(log, "penstock", streams, list)
    state, at_once = baseline_state(declared), baseline_state(declared)
    with pytest.raises(BrokerUnavailable):
        await follower.catch_up("loans", state)
    assert state.learnt_to == 4, "nothing is held back until all is read"
    await follower.catch_up("loans", state)
    assert state.learnt_to == 10
    at_once.learn(declared, raw(outcomes))
    frame = Frame({"income": np.zeros(2)}, times([0, 0]))
    assert state.add_lag_features(frame, ["p0", "p1"])[1] == at_once.add_lag_features(frame, ["p0", "p1"])[1]
