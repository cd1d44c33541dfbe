"""What becomes of a candidate: the gates, and the decision that follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import GatesDeclaration, RolloutDeclaration
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.training import (
    CalibrationScores,
    Candidate,
    Evaluation,
    ObjectiveScores,
    Score,
    SliceScores,
    TrainingRun,
)
from penstock.ml.metrics import paired_difference
from penstock.registry.promotion import StreamState, check_gates, decide_promotion

GATES = GatesDeclaration(margin=0.01, holdout=50)
FIGURES = st.floats(-10, 10)


def score(value: float, rows: int = 100) -> Score:
    return Score(value=value, low=value, high=value, rows=rows)


def evaluation(
    candidate: float, champion: float, baseline: float, metric: str = "accuracy", rows: int = 100
) -> Evaluation:
    gain = candidate - champion if metric == "accuracy" else champion - candidate
    fields = {"candidate": score(candidate, rows), "champion": score(champion), "baseline": score(baseline)}
    return Evaluation.model_validate({"metric": metric, **fields, "gain": score(gain, rows)})


@pytest.mark.parametrize(
    ("metric", "candidate", "champion", "baseline", "passes"),
    [
        ("accuracy", 0.80, 0.70, 0.60, True),
        ("accuracy", 0.705, 0.70, 0.60, False),
        ("accuracy", 0.70, 0.70, 0.70, False),
        ("accuracy", 0.80, 0.70, 0.81, False),
        ("mae", 3.0, 4.0, 5.0, True),
        ("mae", 4.0, 3.0, 5.0, False),
        ("mae", 3.0, 4.0, 2.9, False),
    ],
)
def test_a_candidate_must_beat_the_champion_by_the_margin_and_not_fall_behind_the_baseline(
    metric: str, candidate: float, champion: float, baseline: float, passes: bool
) -> None:
    verdict = check_gates(evaluation(candidate, champion, baseline, metric), GATES)
    assert verdict.passed is passes
    assert verdict.reasons


@given(FIGURES, FIGURES, FIGURES, st.sampled_from(["accuracy", "mae"]), st.sampled_from([nan, inf, -inf]), st.data())
def test_a_figure_that_is_not_finite_never_passes(
    candidate: float, champion: float, baseline: float, metric: str, unusable: float, data: st.DataObject
) -> None:
    finite = evaluation(candidate, champion, baseline, metric)
    figure = data.draw(st.sampled_from(["candidate", "champion", "baseline", "gain"]))
    assert not check_gates(finite.model_copy(update={figure: score(unusable)}), GATES).passed


def by_objective(candidate: float, champion: float, accuracy_gain: float, larger: bool) -> Evaluation:
    gain = candidate - champion if larger else champion - candidate
    scores = {"candidate": score(candidate), "champion": score(champion), "baseline": score(champion)}
    metric = "average_precision" if larger else "log_loss"
    objective = ObjectiveScores(metric=metric, larger_is_better=larger, gain=score(gain), **scores)
    accuracies = evaluation(0.9 + accuracy_gain, 0.9, 0.5)
    return accuracies.model_copy(update={"objective": objective})


@pytest.mark.parametrize(
    ("candidate", "champion", "accuracy_gain", "larger", "passes"),
    [
        (0.50, 0.40, 0.0, True, True),
        (0.40, 0.50, 0.1, True, False),
        (0.30, 0.40, 0.0, False, True),
        (0.40, 0.30, 0.1, False, False),
        (0.50, 0.40, -0.009, True, True),
        (0.50, 0.40, -0.02, True, False),
    ],
)
def test_the_objective_decides_and_accuracy_is_guarded(
    candidate: float, champion: float, accuracy_gain: float, larger: bool, passes: bool
) -> None:
    verdict = check_gates(by_objective(candidate, champion, accuracy_gain, larger), GATES)
    assert verdict.passed is passes
    if passes:
        assert verdict.reasons[0].startswith("average_precision" if larger else "log_loss")


def test_a_gain_without_an_interval_never_passes() -> None:
    whole = evaluation(0.9, 0.5, 0.5)
    unknown = whole.gain.model_copy(update={"low": None, "high": None})
    verdict = check_gates(whole.model_copy(update={"gain": unknown}), GATES)
    assert (verdict.passed, "no interval" in verdict.reasons[0]) == (False, True)


def test_too_few_rows_never_pass() -> None:
    verdict = check_gates(evaluation(0.9, 0.5, 0.5, rows=49), GATES)
    assert (verdict.passed, verdict.reasons) == (False, ("the holdout has 49 rows, the gates ask for 50",))


@given(FIGURES, st.floats(0.001, 1), st.floats(0, 1))
def test_a_candidate_passes_if_its_interval_shows_it_to_be_better_or_no_worse(
    gain: float, width: float, tolerance: float
) -> None:
    shown = Score(value=gain, low=gain - width, high=gain + width, rows=100)
    finite = evaluation(5.0, 5.0, 0.0).model_copy(update={"gain": shown})
    fresh, better = GatesDeclaration(tolerance=tolerance), GatesDeclaration(tolerance=tolerance, margin=0.1)
    assert check_gates(finite, fresh).passed == (gain - width > -tolerance)
    assert check_gates(finite, better).passed == (gain > 0.1 and gain - width > 0)


@pytest.mark.parametrize(("metric", "champion", "tolerance"), [("accuracy", 0.8, 0.01), ("mae", 50.0, 1.0)])
def test_what_is_tolerated_follows_from_the_metric(metric: str, champion: float, tolerance: float) -> None:
    whole = evaluation(champion, champion, 0.0 if metric == "accuracy" else 90.0, metric)
    for low, passes in ((-tolerance * 1.01, False), (-tolerance * 0.99, True)):
        gain = Score(value=0.0, low=low, high=1.0, rows=100)
        assert check_gates(whole.model_copy(update={"gain": gain}), GatesDeclaration()).passed is passes
        first = gain.model_copy(update={"low": 2.5 * low})
        over_constant = whole.model_copy(update={"gain": first, "champion_version": 0})
        assert check_gates(over_constant, GatesDeclaration()).passed is passes


@pytest.mark.parametrize(
    ("gain", "loss_low", "passes"),
    [(0.02, 0.0001, True), (-0.02, -0.0009, True), (0.02, -0.0011, False), (-0.21, 0.0001, False)],
)
def test_of_a_rare_class_the_loss_of_the_answers_shows_what_a_metric_over_all_rows_cannot(
    gain: float, loss_low: float, passes: bool
) -> None:
    """A champion that loses 0.05 an answer, of which 0.001 more is tolerated."""
    judged = by_objective(0.4 + gain, 0.4, 0.0, larger=True)
    assert judged.objective is not None
    wide = Score(value=gain, low=gain - 0.2, high=gain + 0.2, rows=100)
    loss_gain = Score(value=0.002, low=loss_low, high=0.01, rows=100)
    scores = judged.objective.model_copy(update={"gain": wide, "loss_gain": loss_gain, "baseline": score(0.1)})
    losses = LossMoments(loss="log_loss", rows=100, mean=0.048, squares=1.0)
    rare = judged.model_copy(update={"objective": scores, "losses": losses})
    assert check_gates(rare, GatesDeclaration()).passed is passes


@pytest.mark.parametrize(("worse", "at_most"), [(0.01, 0.05), (0.03, 0.0)])
def test_a_worse_candidate_is_promoted_at_most_at_the_rate_of_the_interval(worse: float, at_most: float) -> None:
    """200 candidates that lose as much more than the champion as is tolerated, or thrice that, on 1,000 rows each."""
    random, promoted = np.random.default_rng(0), 0
    for _ in range(200):
        difference = paired_difference(random.normal(0, 0.1, 1000), random.normal(worse, 0.1, 1000))
        gain = Score(value=difference.mean, low=difference.low, high=difference.high, rows=1000)
        promoted += check_gates(evaluation(0.8, 0.8, 0.5).model_copy(update={"gain": gain}), GatesDeclaration()).passed
    assert promoted <= at_most * 200


def test_a_candidate_that_was_compared_with_another_champion_is_kept_back() -> None:
    finished = run()
    assert finished.evaluation is not None
    for version, outcome in ((1, "promoted"), (2, "kept_back")):
        compared = finished.evaluation.model_copy(update={"champion_version": version})
        decision = decide_promotion(finished.model_copy(update={"evaluation": compared}), STREAM, None)
        assert decision.outcome == outcome


@pytest.mark.parametrize(("low", "high", "passes"), [(-0.3, -0.1, False), (-0.3, 0.1, True), (-0.04, -0.02, True)])
def test_a_candidate_that_is_shown_to_be_worse_on_a_slice_is_kept_back_if_slices_are_gated(
    low: float, high: float, passes: bool
) -> None:
    gain = Score(value=(low + high) / 2, low=low, high=high, rows=80)
    south = SliceScores(field="region", value="south", candidate=score(0.5), champion=score(0.7), gain=gain)
    on_slices = evaluation(0.8, 0.7, 0.6).model_copy(update={"slices": (south,)})
    assert check_gates(on_slices, GATES).passed, "without a margin for slices they keep nobody back"
    verdict = check_gates(on_slices, GATES.model_copy(update={"slice_margin": 0.05}))
    assert verdict.passed == passes
    assert passes or "where region is 'south'" in verdict.reasons[0]


STREAM = StreamState(
    gates=GATES,
    rollout=RolloutDeclaration(),
    has_objective=False,
    champion=1,
    is_external=False,
    newest_fence=7,
    registered_version=None,
    rollout_under_way=False,
)
CANARY = RolloutDeclaration(mode="canary")


def run(candidate: float = 0.8, fence: int = 7) -> TrainingRun:
    """A finished run against a champion of 0.7."""
    fields = {"source": "trainer", "id": "run", "time": datetime(2026, 1, 1, tzinfo=UTC), "stream": "loans"}
    training = {"request": "request", "fence": fence, "status": "finished", "reason": "drift", "until": 100}
    return TrainingRun.model_validate({**fields, **training, "evaluation": evaluation(candidate, 0.7, 0.6)})


@pytest.mark.parametrize(
    ("changes", "refusal", "candidate", "outcome"),
    [
        ({}, None, 0.8, "promoted"),
        ({}, None, 0.7, "kept_back"),
        ({}, "bad signature", 0.8, "refused"),
        ({"newest_fence": 8}, None, 0.8, "refused"),
        ({"registered_version": 3}, None, 0.8, "duplicate"),
        ({"newest_fence": 8, "registered_version": 3}, None, 0.8, "refused"),
        ({"registered_version": 3}, "bad signature", 0.8, "duplicate"),
        ({"rollout": CANARY}, None, 0.8, "on_trial"),
        ({"rollout": CANARY}, None, 0.7, "kept_back"),
        ({"rollout": CANARY, "champion": 0}, None, 0.8, "promoted"),
        ({"champion": 0, "is_external": True}, None, 0.8, "on_trial"),
        ({"champion": 0, "is_external": True}, None, 0.7, "kept_back"),
        ({"rollout_under_way": True}, None, 0.8, "kept_back"),
        ({"rollout": CANARY, "rollout_under_way": True}, None, 0.8, "kept_back"),
    ],
)
def test_what_becomes_of_a_candidate(
    changes: dict[str, Any], refusal: str | None, candidate: float, outcome: str
) -> None:
    decision = decide_promotion(run(candidate), replace(STREAM, **changes), refusal)
    assert decision.outcome == outcome
    assert (decision.rollout is not None) == (outcome == "on_trial")
    assert (decision.verdict is None) == (outcome in ("refused", "duplicate"))
    assert decision.alert == (outcome == "refused" and refusal is not None)


def test_beside_an_external_model_a_candidate_begins_as_a_shadow_and_is_held_to_more_than_a_constant() -> None:
    external = replace(STREAM, champion=0, is_external=True, rollout=CANARY)
    plan = decide_promotion(run(), external, None).rollout
    assert plan is not None
    assert plan.mode == "shadow"
    badly_calibrated = calibrated_evaluation("average_precision", 0.05, champion=0)
    assert check_gates(badly_calibrated, GatesDeclaration()).passed
    assert not check_gates(badly_calibrated, GatesDeclaration(), champion_is_external=True).passed


def test_a_run_of_an_unknown_stream_is_refused_without_an_alert() -> None:
    decision = decide_promotion(run(), None, "bad signature")
    assert (decision.outcome, decision.alert) == ("refused", False)


@pytest.mark.parametrize(
    ("limits", "latency", "size", "reasons"),
    [
        ({}, 900.0, 10**9, ()),
        ({"latency_ms": 5, "bytes": 1000}, 5.0, 1000, ()),
        ({"latency_ms": 5}, 5.01, 7, ("one answer takes 5.01 ms (99th percentile), the gates allow 5 ms",)),
        ({"latency_ms": 5}, nan, 7, ("one answer takes nan ms (99th percentile), the gates allow 5 ms",)),
        ({"latency_ms": 0.5}, None, 7, ("its latency was not measured, the gates allow 0.5 ms",)),
        ({"bytes": 1000}, None, 1001, ("its package has 1,001 bytes, the gates allow 1,000",)),
    ],
)
def test_a_candidate_above_a_declared_limit_is_kept_back_and_told_both_figures(
    limits: dict[str, Any], latency: float | None, size: int, reasons: tuple[str, ...]
) -> None:
    candidate = Candidate(family="linear", digest="d", profile="p", envelope={}, size=size)
    measured = run().model_copy(update={"candidate": candidate, "latency_p99_ms": latency})
    decision = decide_promotion(measured, replace(STREAM, gates=GATES.model_copy(update=limits)), None)
    assert decision.outcome == ("kept_back" if reasons else "promoted")
    assert not reasons or decision.reasons == reasons


def test_a_candidate_that_is_no_better_and_too_slow_is_told_both() -> None:
    slow = run(candidate=0.7).model_copy(update={"latency_p99_ms": 9.0})
    decision = decide_promotion(slow, replace(STREAM, gates=GATES.model_copy(update={"latency_ms": 5})), None)
    assert [("gain" in reason, "9 ms" in reason) for reason in decision.reasons] == [(True, False), (False, True)]


def calibrated_evaluation(metric: str, lost: float, *, high: float | None = None, champion: int = 1) -> Evaluation:
    """A candidate that is better by the metric, and loses `lost` more of its log loss of 0.2 by bad calibration."""
    scored = objective_evaluation(metric).model_copy(update={"champion_version": champion})
    gain = Score(value=-lost, low=-2 * lost, high=-lost / 2 if high is None else high, rows=100)
    losses = CalibrationScores(candidate=score(lost + 0.001), champion=score(0.001), gain=gain, log_loss=0.2)
    return scored.model_copy(update={"calibration_losses": losses})


def objective_evaluation(metric: str) -> Evaluation:
    better, worse = (0.4, 0.3) if metric != "log_loss" else (0.3, 0.4)
    scores = ObjectiveScores(
        metric=metric,
        larger_is_better=metric != "log_loss",
        candidate=score(better),
        champion=score(worse),
        baseline=score(worse),
        gain=score(0.1),
    )
    return evaluation(0.8, 0.8, 0.7).model_copy(update={"objective": scores})


@pytest.mark.parametrize(
    ("metric", "lost", "gates", "passes"),
    [
        ("average_precision", 0.05, {}, False),
        ("average_precision", 0.03, {}, True),
        ("f1", 0.05, {}, False),
        ("log_loss", 0.05, {}, True),
        ("log_loss", 0.05, {"calibration": 0.02}, False),
        ("average_precision", 0.05, {"calibration": 0.03}, True),
        ("average_precision", 0.01, {"calibration": 0.0}, False),
    ],
)
def test_a_candidate_that_is_shown_to_be_badly_calibrated_is_kept_back(
    metric: str, lost: float, gates: dict[str, float], passes: bool
) -> None:
    verdict = check_gates(calibrated_evaluation(metric, lost), GatesDeclaration(**gates))
    assert verdict.passed == passes
    assert passes or "worse calibrated than the champion" in verdict.reasons[0]


def test_bad_calibration_must_be_shown_and_a_constant_is_no_measure_of_it() -> None:
    assert check_gates(calibrated_evaluation("average_precision", 0.05, high=0.0), GatesDeclaration()).passed
    assert check_gates(calibrated_evaluation("average_precision", 0.05, champion=0), GatesDeclaration()).passed
    unknown = calibrated_evaluation("average_precision", 0.05)
    assert unknown.calibration_losses is not None
    few = unknown.calibration_losses.model_copy(update={"gain": Score(value=-0.05, rows=100)})
    assert check_gates(unknown.model_copy(update={"calibration_losses": few}), GatesDeclaration()).passed


@pytest.mark.parametrize(("freshness", "passes"), [(0.0, False), (0.05, False), (0.2, True)])
def test_what_being_fresher_is_shown_to_be_worth_widens_the_tolerance(freshness: float, passes: bool) -> None:
    gain = Score(value=-0.05, low=-0.15, high=0.05, rows=100)
    scores = ObjectiveScores(
        metric="log_loss", larger_is_better=False, candidate=score(0.55), champion=score(0.5), baseline=score(0.7),
        gain=gain, freshness=freshness,
    )  # fmt: skip
    judged = evaluation(0.7, 0.7, 0.5).model_copy(update={"objective": scores, "champion_version": 1})
    verdict = check_gates(judged, GatesDeclaration())
    assert verdict.passed is passes
    assert passes or (("for being fresher" in verdict.reasons[0]) is (freshness > 0))
