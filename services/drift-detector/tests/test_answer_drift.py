"""Concept and prediction drift: of the losses and the outputs of the champion."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from .stream_unit import StreamUnit, concept_drifts, outcomes_of, random_errors


def test_a_drift_states_the_rise_of_the_loss(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    unit.outcomes(outcomes_of(make, random_errors(0.1, 1000, 0)))
    unit.outcomes(outcomes_of(make, random_errors(0.6, 300, 1), start=1000))
    drift = concept_drifts(unit)[0]
    assert drift.hurts == pytest.approx(drift.statistic - drift.earlier_mean)
    assert drift.threshold == drift.earlier_mean  # deprecated, for older readers
    assert drift.hurts > 0
    calm = StreamUnit(make, make.declared())
    sure, unsure = [0.05, 0.95], [0.45, 0.55]
    calm.outcomes([make.outcome(n, probabilities=sure if n < 500 else unsure) for n in range(800)])
    assert {(drift.kind, drift.hurts) for drift in calm.written["drift"]} == {("prediction", 0.0)}


@pytest.mark.parametrize("seed", range(3))
def test_a_rise_of_the_error_is_concept_drift_with_an_alert(make: Any, seed: int) -> None:
    unit = StreamUnit(make, make.declared())
    unit.outcomes(outcomes_of(make, random_errors(0.15, 1000, seed)))
    assert concept_drifts(unit) == []
    unit.outcomes(outcomes_of(make, random_errors(0.5, 400, seed + 9), start=1000))
    drift = concept_drifts(unit)[0]
    assert 1000 < drift.outcomes <= 1150
    assert (drift.status, drift.epoch, drift.field) == ("confirmed", 1, None)
    assert (drift.event_source, drift.event_id) == ("grid", f"e{drift.outcomes - 1}")
    assert drift.statistic > drift.earlier_mean
    alert = unit.written["alerts"][0]
    assert (alert.cause, alert.severity, alert.stream) == (drift.id, "info", "power")


def test_a_stationary_stream_gives_no_alarm(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    random = np.random.default_rng(5)
    unit.outcomes(
        [
            make.outcome(n, "0" if random.random() < 0.2 else "1", probabilities=[p := float(random.random()), 1 - p])
            for n in range(6000)
        ]
    )
    assert unit.written["drift"] == []


def test_only_the_newest_champions_answers_are_observed(make: Any) -> None:
    for changes in ({"epoch": 1}, {"baseline": True}, {"arm": "challenger"}):
        unit = StreamUnit(make, make.declared())
        unit.outcomes(outcomes_of(make, [False] * 500, epoch=2))
        unit.outcomes(outcomes_of(make, [True] * 500, start=500, **{"epoch": 2, **changes}))
        assert unit.written["drift"] == []


def test_a_change_right_after_a_promotion_shows_against_the_epoch_before(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    unit.outcomes(outcomes_of(make, [False] * 500, epoch=1))
    unit.outcomes(outcomes_of(make, [True] * 200, start=500, epoch=2))
    assert {(drift.kind, drift.epoch) for drift in unit.written["drift"]} == {("concept", 2)}


def test_a_better_model_is_no_drift(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    unit.outcomes(outcomes_of(make, [True] * 500, epoch=1))
    unit.outcomes(outcomes_of(make, [False] * 500, start=500, epoch=2))
    assert [drift for drift in unit.written["drift"] if drift.kind == "concept"] == []


def test_a_change_of_the_model_outputs_is_suspected(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    sure, unsure = [0.05, 0.95], [0.45, 0.55]
    unit.outcomes([make.outcome(n, probabilities=sure if n < 500 else unsure) for n in range(800)])
    assert {(drift.kind, drift.status, drift.detector) for drift in unit.written["drift"]} == {
        ("prediction", "suspected", "adwin")
    }
    assert unit.written["alerts"] == []


@pytest.mark.parametrize("batches", [1, 2, 40])
def test_the_model_outputs_of_another_epoch_are_another_series(make: Any, batches: int) -> None:
    unit = StreamUnit(make, make.declared())
    sure = [0.6] * 600 + [0.9] * 600
    records = [
        make.outcome(number, "1", epoch=1 + number // 600, probabilities=[score, 1 - score])
        for number, score in enumerate(sure)
    ]
    for part in np.array_split(np.arange(1200), batches):
        unit.outcomes([records[number] for number in part])
    assert unit.written["drift"] == []


def test_drift_of_a_regression_is_detected_whatever_its_scale(make: Any) -> None:
    random = np.random.default_rng(2)
    for scale in (1e-3, 1e5):
        unit = StreamUnit(make, make.declared("regression", drift={"detectors": ["adwin", "ddm"]}))
        spread = [scale] * 1000 + [5 * scale] * 300
        unit.outcomes([make.outcome(n, 0.0, float(random.normal(0, width))) for n, width in enumerate(spread)])
        assert 1000 < concept_drifts(unit)[0].outcomes < 1150


@pytest.mark.parametrize("label", [{"classes": ["0", "1"]}, {"classes": ["1", "0"], "positive": "1"}])
def test_missed_positives_are_a_drift_of_their_label(make: Any, label: dict[str, Any]) -> None:
    unit, random = StreamUnit(make, make.declared(label={"name": "up", **label})), np.random.default_rng(3)
    labels = np.where(random.random(9000) < 0.02, "1", "0").tolist()
    missed = [label == "1" and (n >= 6000 or n % 5 == 0) for n, label in enumerate(labels)]
    answers = ["0" if miss else label for miss, label in zip(missed, labels, strict=True)]
    unit.outcomes([make.outcome(n, answers[n], labels[n]) for n in range(9000)])
    drift = concept_drifts(unit)[0]
    assert drift.label == "1"
    assert drift.outcomes > 6000
    assert drift.statistic > drift.earlier_mean
    assert "where the label is '1' rose from 0." in unit.written["alerts"][0].message


def test_an_alert_shows_the_rise_and_asks_for_nobody(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    unit.outcomes(outcomes_of(make, random_errors(0.3, 9000, 0)))
    unit.outcomes(outcomes_of(make, random_errors(0.36, 9000, 1), start=9000))
    (alert, *_), (drift, *_) = unit.written["alerts"], concept_drifts(unit)
    before, now = re.findall(r"rose from ([\d.]+) to ([\d.]+);", alert.message)[0]
    assert float(now) > float(before)
    assert len(before) == len(now)
    assert float(now) - float(before) == pytest.approx(drift.hurts, rel=0.2)
    assert alert.severity == "info"
