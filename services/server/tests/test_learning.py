"""A champion that goes on learning: every child folds the outcomes, and predictions say what they knew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from penstock.bus.memory.log import MemoryRecord
from penstock.contracts.decoding import encode
from penstock.contracts.records.events import data_type
from penstock.contracts.records.outcomes import Outcome, OutcomeData, outcome_type
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import STREAMS
from penstock.ml.features.encoding import Encoder
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.features.lag_features import LabelHistory
from penstock.ml.models.baseline import baseline
from penstock.ml.online.blend import Blend, new_groups
from penstock.ml.online.expert_mixture import Mixture
from penstock.ml.package.model_package import pack, unpack
from penstock.server.learning.outcome_state import Fold, fold_of, lags_of
from penstock.server.models.schema_check import misfit

LAGS = "[lags]\nlabel = [1, 2]\nmean = 3\n"
FIELDS = (Field("income", "number"), Field("region", "category"))


def outcome(declared: StreamDeclared, number: int, income: float, label: str | None, **said: Any) -> Any:
    """An outcome whose event is known by its number."""
    shape = data_type(declared.declaration)
    person = f"p{number % 2}"
    prediction = PredictionData(value="no", model="loans", version=0, digest="d", epoch=0, schema=1, code="0", **said)
    data = OutcomeData(
        fields=shape(f0=person, f1=income, f2="n"),
        prediction=prediction,
        label=label,
        revision=0,
        label_time=declared.time if label else None,
        status="joined" if label else "expired",
        entity=person,
    )
    kind: Any = outcome_type(shape)
    made: Outcome[Any] = kind(source="test#outcome", id=f"e{number}", time=declared.time, data=data)
    return made


def raw(outcomes: Sequence[Any], first: int = 0) -> list[MemoryRecord]:
    return [MemoryRecord(offset, 0, None, encode(one), ()) for offset, one in enumerate(outcomes, first)]


def blend_of(declared: StreamDeclared) -> Blend:
    """One that has learnt nothing, of a stream whose label says whether the income is above 50."""
    lags = lags_of(declared.declaration)
    incomes = np.linspace(0, 100, 60)
    columns: dict[str, Any] = {"income": incomes, "region": column("category", ["n"] * 60)}
    columns |= {field.name: np.zeros(60) for field in lags.fields}
    frame = Frame(columns, times(["2026-01-01"] * 60))
    encoder = Encoder.fit(frame, FIELDS)
    groups = new_groups(encoder, lags, frame, np.zeros(60), 2)
    experts = sum(len(group.models.rates) for group in groups)
    made = Blend("binary", ("no", "yes"), encoder, lags, (), groups, Mixture(experts), LabelHistory(lags))
    found = unpack(pack(made, frame.take([0, 30])))
    assert isinstance(found, Blend)
    return found


def test_what_is_known_is_of_the_entity_and_of_the_first_outcome_of_each_event(shop: Any) -> None:
    declared = shop.declared(more=LAGS)
    fold = fold_of(baseline("binary", ["no", "yes"], None, FIELDS), declared.declaration)
    assert fold is not None
    told = [outcome(declared, 0, 1.0, "yes"), outcome(declared, 1, 1.0, "no"), outcome(declared, 2, 1.0, "no")]
    repeated = [outcome(declared, 2, 1.0, "yes"), outcome(declared, 4, 1.0, None)]
    fold.take(declared, raw([*told, *repeated]))
    _, known = fold.asked(Frame({"income": np.zeros(2)}, times([0, 0])), ["p0", "p1"])
    assert known is not None
    assert np.allclose(known, [[0.0, 1.0, 0.5], [0.0, np.nan, 0.0]], equal_nan=True)
    assert fold.learnt_to == 5


def past(declared: StreamDeclared, number: int, label: str) -> Any:
    """Imported history of the person that the number stands for."""
    said = outcome(declared, number, 1.0, label)
    return replace(said, source="import/loans#outcome", data=replace(said.data, prediction=UNSET, status="imported"))


def test_labels_of_history_are_known_until_something_live_was_folded(shop: Any) -> None:
    declared = shop.declared(more=LAGS)
    fold = fold_of(baseline("binary", ["no", "yes"], None, FIELDS), declared.declaration)
    assert fold is not None
    told = [past(declared, 0, "yes"), outcome(declared, 2, 1.0, "no"), past(declared, 4, "yes")]
    fold.take(declared, raw([told[0], told[0]]))
    fold.take(declared, raw(told[1:], 2))
    _, known = fold.asked(Frame({"income": np.zeros(1)}, times([0])), ["p0"])
    assert known == [[0.0, 1.0, 0.5]]
    assert fold.learnt_to == 4


def test_a_blend_learns_nothing_from_history_here(shop: Any) -> None:
    declared = shop.declared(more=LAGS)
    blend = blend_of(declared)
    fold = fold_of(blend, declared.declaration)
    assert fold is not None
    fold.take(declared, raw([past(declared, 0, "yes"), past(declared, 1, "no")]))
    assert all(np.abs(group.models.weights).sum() == 0 for group in blend.groups)
    assert blend.known.features(["p0"])[0, 0] == 1.0


@pytest.mark.parametrize("step", [1, 3, 40])
def test_how_outcomes_are_cut_into_batches_leaves_no_mark(shop: Any, step: int) -> None:
    declared = shop.declared(more=LAGS)
    rng = np.random.default_rng(0)
    told = [
        outcome(declared, number, income, "yes" if income > 50 else "no", known=[1.0, None, 1.0])
        for number, income in enumerate(rng.uniform(0, 100, 40).tolist())
    ]
    found = []
    for size in (len(told), step):
        blend = blend_of(declared)
        fold = fold_of(blend, declared.declaration)
        assert fold is not None
        for first in range(0, len(told), size):
            fold.take(declared, raw(told[first : first + size], first))
        found.append([group.models.weights for group in blend.groups])
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))
    assert np.abs(found[0][0]).sum() > 0


def test_predictions_carry_what_they_were_made_from(shop: Any) -> None:
    declared = shop.declared(more=LAGS)
    blend = blend_of(declared)
    fold: Fold | None = fold_of(blend, declared.declaration)
    assert fold is not None
    frame = Frame({"income": np.array([1.0]), "region": column("category", ["n"])}, times([0]))
    asked, known = fold.asked(frame, ["p0"])
    evidence = fold.evidence(known, blend.predict(asked))
    assert evidence is not None
    assert evidence.experts is not None
    assert (len(evidence.known or []), len(evidence.experts[0])) == (1, blend.mixture.size)


def test_a_blend_of_other_lags_does_not_fit(shop: Any) -> None:
    declared, plain = shop.declared(more=LAGS), shop.declared()
    assert misfit(blend_of(declared), declared.declaration) is None
    assert "lags" in str(misfit(blend_of(declared), plain.declaration))


async def test_an_event_is_answered_with_what_was_known_when_it_came(deployment: Any, shop: Any) -> None:
    declared = shop.declared(version=2, more=LAGS)
    await deployment.say(STREAMS, declared)
    await deployment.serve(shop.epoch(0))
    await deployment.events([deployment.event(0)])
    await deployment.settle()
    await deployment.outcomes([outcome(declared, 0, 10.0, "yes"), outcome(declared, 2, 10.0, "no")])
    await deployment.events([deployment.event(7)])
    await deployment.settle()
    said = {p.id: p.data for p in deployment.predictions()}
    assert {event: data.learnt_to for event, data in said.items()} == {"e0": 0, "e7": 2}
    assert said["e0"].known == [None, None, None]
    assert said["e7"].known == [0.0, 1.0, 0.5]


async def test_without_lags_a_trained_model_follows_no_outcomes(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(1, *shop.trained()))
    await deployment.events([deployment.event(0)])
    await deployment.settle()
    (prediction,) = deployment.predictions()
    assert prediction.data.learnt_to is UNSET
    assert deployment.health()[0]["learnt_to"] == {}
