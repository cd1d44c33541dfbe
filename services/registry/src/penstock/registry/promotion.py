"""The gates: whether a candidate may serve, from what it showed on its holdout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from penstock.contracts.declaration.model_lifecycle import GatesDeclaration
from penstock.contracts.records.training import Evaluation


@dataclass(frozen=True)
class Verdict:
    """Whether the gates let a candidate through, and what was held against it or for it."""

    passed: bool
    reasons: tuple[str, ...]


def judge(evaluation: Evaluation, gates: GatesDeclaration) -> Verdict:
    """Let the candidate through when it beats the champion by more than the margin and is no worse than the baseline.

    With a margin for slices it must not be shown to be worse on one. A figure that is not finite never passes, nor does a holdout of fewer rows than the gates ask for.
    """
    faults = tuple(_faults(evaluation, gates))
    return Verdict(False, faults) if faults else Verdict(True, (_merit(evaluation),))


def _faults(evaluation: Evaluation, gates: GatesDeclaration) -> Iterator[str]:
    rows = min(evaluation.candidate.rows, evaluation.gain.rows)
    if rows < gates.holdout:
        yield f"the holdout has {rows} rows, the gates ask for {gates.holdout}"
    figures = {
        "candidate": evaluation.candidate.value,
        "champion": evaluation.champion.value,
        "baseline": evaluation.baseline.value,
        "gain": evaluation.gain.value,
    }
    if unusable := [name for name, figure in figures.items() if not isfinite(figure)]:
        yield f"not a finite number: {', '.join(unusable)}"
        return
    metric = evaluation.metric
    if _better_by(evaluation) < 0:
        yield (
            f"the candidate is worse than the baseline: {metric} {evaluation.candidate.value:.4g} "
            f"against {evaluation.baseline.value:.4g}"
        )
    if not evaluation.gain.value > gates.margin:
        yield (
            f"the candidate's gain over the champion in {metric}, {evaluation.gain.value:.4g}, "
            f"does not exceed the margin, {gates.margin:.4g}"
        )
    if gates.slice_margin is not None:
        yield from _losing_slices(evaluation, gates.slice_margin)


def _losing_slices(evaluation: Evaluation, margin: float) -> Iterator[str]:
    """Where the candidate is shown to be worse than the champion: by the whole interval, not by its middle."""
    for one in evaluation.slices:
        if one.gain.high < -margin:
            yield (
                f"where {one.field} is {one.value or 'missing'!r} the candidate is worse than the champion: "
                f"{evaluation.metric} {one.candidate.value:.4g} against {one.champion.value:.4g} on {one.gain.rows} rows"
            )


def _better_by(evaluation: Evaluation) -> float:
    """How much better than the baseline: a larger accuracy is better, a larger error is worse."""
    difference = evaluation.candidate.value - evaluation.baseline.value
    return difference if evaluation.metric == "accuracy" else -difference


def _merit(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.metric} {evaluation.candidate.value:.4g} against {evaluation.champion.value:.4g} "
        f"on {evaluation.candidate.rows} rows"
    )
