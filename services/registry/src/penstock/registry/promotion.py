"""What becomes of a candidate: refused, kept back, put into a rollout, or promoted.

The rule is pure. `use_cases/training_runs.py` reads what it needs from the database and carries the decision out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from penstock.contracts.declaration.model_lifecycle import GatesDeclaration, RolloutDeclaration
from penstock.contracts.records.training import Evaluation, ObjectiveScores, TrainingRun
from penstock.registry.rollout_plan import RolloutPlan

BASELINE_VERSION = 0  # a stream's first champion; a candidate replaces it without a rollout
MOST_ACCURACY_LOST = 0.01  # by a candidate that is better by another objective
TOLERANCE, TOLERANCE_SHARE = 0.01, 0.02  # of a metric of which more is better; of the champion's score of another
FIRST_TOLERANCE = 2.5  # times that: what a first model learns on pays more than what it may lose to a constant
CALIBRATION_SHARE = 0.1  # of the log loss: what bad calibration may cost more than the champion's

Outcome = Literal["refused", "duplicate", "kept_back", "on_trial", "promoted"]


@dataclass(frozen=True)
class GateVerdict:
    """Whether the gates let a candidate through; `reasons` are the gates it failed, or else its gain."""

    passed: bool
    reasons: tuple[str, ...]

    def with_failures(self, failures: Iterable[str]) -> GateVerdict:
        """The same with further gates that the candidate failed, if there are any."""
        failed = tuple(failures)
        earlier = () if self.passed else self.reasons
        return GateVerdict(False, (*earlier, *failed)) if failed else self


@dataclass(frozen=True)
class StreamState:
    """What the registry holds of a stream at the time a run of it has finished.

    `is_external`: the champion is an external model, whose version counts as the baseline's. `newest_fence` is that of
    the newest training request, -1 when there is none; `registered_version` the version that came of the run's request
    before, if one did.
    """

    gates: GatesDeclaration
    rollout: RolloutDeclaration
    has_objective: bool
    champion: int
    is_external: bool
    newest_fence: int
    registered_version: int | None
    rollout_under_way: bool


@dataclass(frozen=True)
class PromotionDecision:
    """What becomes of a candidate, and why.

    `verdict` is that of the gates, None when they were not reached; `rollout` the plan of the rollout to start.
    People are alerted when `alert` is set.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    verdict: GateVerdict | None = None
    rollout: RolloutPlan | None = None
    alert: bool = False


def decide_promotion(run: TrainingRun, stream: StreamState | None, model_refusal: str | None) -> PromotionDecision:
    """Decide on the candidate of a finished run.

    Args:
        run: the finished run.
        stream: the state of its stream, None when no such stream was applied.
        model_refusal: why the model cannot be trusted, from `SignatureCheck`; None when it can.
    """
    if stream is None:
        return PromotionDecision("refused", ("no stream of this name was applied",))
    if stream.newest_fence > run.fence:
        reason = f"a newer training was asked for: fence {run.fence} is behind {stream.newest_fence}"
        return PromotionDecision("refused", (reason,))
    if stream.registered_version is not None:
        return PromotionDecision("duplicate")
    if model_refusal is not None:
        return PromotionDecision("refused", (model_refusal,), alert=True)
    assert run.evaluation is not None  # a run without one has a `model_refusal`
    verdict = check_gates(run.evaluation, stream.gates, champion_is_external=stream.is_external)
    verdict = verdict.with_failures(_exceeded_limits(run, stream.gates))
    verdict = verdict.with_failures(_other_champion(run.evaluation, stream.champion))
    if not verdict.passed:
        return PromotionDecision("kept_back", verdict.reasons, verdict)
    if stream.rollout_under_way:
        return PromotionDecision("kept_back", ("a rollout is under way",), verdict)
    if stream.is_external:
        plan = RolloutPlan.of(stream.rollout, "shadow", has_objective=stream.has_objective)
        return PromotionDecision("on_trial", verdict.reasons, verdict, plan)
    if stream.rollout.mode != "at-once" and stream.champion != BASELINE_VERSION:
        plan = RolloutPlan.of(stream.rollout, has_objective=stream.has_objective)
        return PromotionDecision("on_trial", verdict.reasons, verdict, plan)
    return PromotionDecision("promoted", verdict.reasons, verdict)


def _exceeded_limits(run: TrainingRun, gates: GatesDeclaration) -> Iterator[str]:
    """The declared limits of latency and size that the candidate is above, or was not measured by."""
    latency, size = run.latency_p99_ms, run.candidate.size if run.candidate else 0
    if gates.latency_ms is not None and latency is None:
        yield f"its latency was not measured, the gates allow {gates.latency_ms:g} ms"
    elif gates.latency_ms is not None and latency is not None and not latency <= gates.latency_ms:
        yield f"one answer takes {latency:g} ms (99th percentile), the gates allow {gates.latency_ms:g} ms"
    if gates.bytes is not None and size > gates.bytes:
        yield f"its package has {size:,} bytes, the gates allow {gates.bytes:,}"


def _other_champion(evaluation: Evaluation, champion: int) -> Iterator[str]:
    """Whether another version serves now than the candidate was compared with."""
    compared = evaluation.champion_version
    if compared is not None and compared != champion:
        yield f"it was compared with version {compared}, and version {champion} serves now"


def check_gates(evaluation: Evaluation, gates: GatesDeclaration, *, champion_is_external: bool = False) -> GateVerdict:
    """Let the candidate through when it is shown to be better than the champion, or not to be worse, and fresher.

    What counts is the 95 % interval of its gain by the stream's objective, else accuracy or the mean absolute error.
    With an objective of another kind the candidate must not be shown to be less accurate than the champion by more than
    a point. With a margin for slices it must not be shown to be worse on one. A figure that is not finite never passes,
    nor does a holdout of fewer rows than the gates ask for.

    An external champion has the baseline's version, and is held to more than that constant.
    """
    is_first = evaluation.champion_version == BASELINE_VERSION and not champion_is_external
    failures = tuple(_failed_gates(evaluation, gates, is_first=is_first))
    return GateVerdict(False, failures) if failures else GateVerdict(True, (_gain_text(_deciding_scores(evaluation)),))


def _deciding_scores(evaluation: Evaluation) -> ObjectiveScores:
    if evaluation.objective is not None:
        return evaluation.objective
    return ObjectiveScores(
        metric=evaluation.metric,
        larger_is_better=evaluation.metric == "accuracy",
        candidate=evaluation.candidate,
        champion=evaluation.champion,
        baseline=evaluation.baseline,
        gain=evaluation.gain,
    )


def _failed_gates(evaluation: Evaluation, gates: GatesDeclaration, *, is_first: bool) -> Iterator[str]:
    scores = _deciding_scores(evaluation)
    rows = min(scores.candidate.rows, scores.gain.rows)
    if rows < gates.holdout:
        yield f"the holdout has {rows} rows, the gates ask for {gates.holdout}"
    if unusable := _not_finite(scores):
        yield f"not a finite number: {', '.join(unusable)}"
        return
    tolerance = _tolerance(scores, gates, is_first=is_first)
    if _gain_over_baseline(scores) < -tolerance:
        yield (
            f"the candidate is worse than the baseline: {scores.metric} {scores.candidate.value:.4g} "
            f"against {scores.baseline.value:.4g}"
        )
    yield from _gain_not_shown(scores, gates, tolerance, loses_no_more=_loses_no_more(evaluation, scores, gates))
    yield from _lost_accuracy(evaluation)
    if not is_first:
        yield from _lost_calibration(evaluation, scores.metric, gates)
    if gates.slice_margin is not None:
        yield from _worse_slices(evaluation, gates.slice_margin)


def _not_finite(scores: ObjectiveScores) -> list[str]:
    figures = {
        "candidate": scores.candidate.value,
        "champion": scores.champion.value,
        "baseline": scores.baseline.value,
        "gain": scores.gain.value,
    }
    return [name for name, figure in figures.items() if not isfinite(figure)]


def _lost_accuracy(evaluation: Evaluation) -> Iterator[str]:
    """With an objective that is not accuracy: a candidate that is less accurate by its whole interval."""
    gain = evaluation.gain
    if evaluation.objective is None or evaluation.metric != "accuracy" or gain.high is None:
        return
    if gain.high < -MOST_ACCURACY_LOST:
        yield (
            f"the candidate is less accurate than the champion: {evaluation.candidate.value:.4g} "
            f"against {evaluation.champion.value:.4g} on {gain.rows} rows"
        )


def _lost_calibration(evaluation: Evaluation, metric: str, gates: GatesDeclaration) -> Iterator[str]:
    """A candidate that loses more by bad calibration than the champion, by its whole interval.

    The log loss holds that already, so as an objective it is only held to what is declared. A first model is held to
    nothing: what a constant says is well calibrated, and says little.
    """
    losses = evaluation.calibration_losses
    if losses is None or losses.gain.high is None:
        return
    if gates.calibration is None and metric == "log_loss":
        return
    allowed = CALIBRATION_SHARE * losses.log_loss if gates.calibration is None else gates.calibration
    if losses.gain.high < -allowed:
        yield (
            f"the candidate is worse calibrated than the champion: that costs {losses.candidate.value:.4g} of its log "
            f"loss of {losses.log_loss:.4g}, {losses.champion.value:.4g} of the champion's, on {losses.gain.rows} rows"
        )


def _worse_slices(evaluation: Evaluation, margin: float) -> Iterator[str]:
    """Slices on which the candidate is worse than the champion by its whole interval, not just on average."""
    for scores in evaluation.slices:
        if scores.gain.high is not None and scores.gain.high < -margin:
            yield (
                f"where {scores.field} is {scores.value or 'missing'!r} the candidate is worse than the champion: "
                f"{evaluation.metric} {scores.candidate.value:.4g} against {scores.champion.value:.4g} "
                f"on {scores.gain.rows} rows"
            )


def _gain_not_shown(
    scores: ObjectiveScores, gates: GatesDeclaration, tolerance: float, *, loses_no_more: bool
) -> Iterator[str]:
    gain = scores.gain
    if gain.low is None:
        yield f"the gain over the champion has no interval on {gain.rows} rows: they are too few"
    elif gates.margin and not gain.value > gates.margin:
        yield (
            f"the candidate's gain over the champion in {scores.metric}, {gain.value:.4g}, "
            f"does not exceed the margin, {gates.margin:.4g}"
        )
    elif gain.low <= (0 if gates.margin else -tolerance - scores.freshness) and not loses_no_more:
        yield (
            f"the candidate is not shown to be better than the champion in {scores.metric}, nor to be no worse: "
            f"its gain is {gain.value:.4g}, at least {gain.low:.4g} at 95 %, on {gain.rows} rows"
            + (f", and at least {scores.freshness:.4g} for being fresher" if scores.freshness else "")
        )


def _loses_no_more(evaluation: Evaluation, scores: ObjectiveScores, gates: GatesDeclaration) -> bool:
    """Whether a candidate is shown to be no worse by the loss of its answers, and not to be worse by the metric.

    For metrics over all rows, such as average precision: of a rare class their intervals say next to nothing, and which
    of two models looks better is chance.
    """
    gain, losses = scores.loss_gain, evaluation.losses
    if gain is None or gain.low is None or losses is None or scores.gain.high is None or scores.gain.high < 0:
        return False
    return gain.low > (0 if gates.margin else -TOLERANCE_SHARE * (losses.mean + gain.value))


def _tolerance(scores: ObjectiveScores, gates: GatesDeclaration, *, is_first: bool) -> float:
    if gates.tolerance is not None:
        return gates.tolerance
    tolerance = TOLERANCE if scores.larger_is_better else TOLERANCE_SHARE * abs(scores.champion.value)
    return tolerance * FIRST_TOLERANCE if is_first else tolerance


def _gain_over_baseline(scores: ObjectiveScores) -> float:
    """How much better than the baseline, above 0 in every metric if it is."""
    difference = scores.candidate.value - scores.baseline.value
    return difference if scores.larger_is_better else -difference


def _gain_text(scores: ObjectiveScores) -> str:
    return (
        f"{scores.metric} {scores.candidate.value:.4g} against {scores.champion.value:.4g} "
        f"on {scores.candidate.rows} rows"
    )
