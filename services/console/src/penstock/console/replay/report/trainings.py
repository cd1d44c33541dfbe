"""The trainings of a stream: why each was asked for, what it found, and what became of its candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.records.training import CalibrationParameters, TrainingRun

MOST_BIASES = 4  # that are written out

Result = Literal["promoted", "rollout", "kept back", "refused", "failed", "running"]


@dataclass(frozen=True)
class TrainingLine:
    """One training.

    Attributes:
        at_event: the row whose label was the newest that it was asked for with (None: unknown).
        reason: why it was asked for, as `drift`; `detail` says it in words.
        result: what came of it; `rollout`: the candidate was brought in by degrees.
        why: the reasons of the result, in words.
        version: of the candidate (None: it was not registered).
        family: of the candidate.
        candidate: its score on the newest rows, none of which it was trained on.
        champion: the score there of the model that served.
        baseline: the score there of a constant.
        rows: how many rows it was trained on.
        cpu_seconds: what it cost.
        calibration: how the candidate's probabilities are calibrated, in words (None: they are as they come).
    """

    at_event: int | None
    reason: str
    detail: str
    result: Result
    why: Sequence[str]
    version: int | None
    family: str | None
    candidate: float | None
    champion: float | None
    baseline: float | None
    rows: int | None
    cpu_seconds: float
    calibration: str | None = None


def training_lines(watch: StreamWatch, row_of_outcome: dict[int, int]) -> list[TrainingLine]:
    """All trainings that began, the oldest first; `row_of_outcome` has the rows by the offsets of the outcomes."""
    newest = {run.request: run for run in watch.training_runs.values()}
    return [_line(watch, run, row_of_outcome.get(run.until - 1)) for run in newest.values()]


def _line(watch: StreamWatch, run: TrainingRun, at_event: int | None) -> TrainingLine:
    request, evaluation = watch.training_requests.get(run.request), run.evaluation
    result, why = _result(watch, run)
    verdict = watch.verdicts.get(run.request)
    return TrainingLine(
        at_event=at_event,
        reason=run.reason,
        detail=request.detail if request else "",
        result=result,
        why=why,
        version=verdict.detail.get("version") if verdict else None,
        family=run.candidate.family if run.candidate else None,
        candidate=evaluation.candidate.value if evaluation else None,
        champion=evaluation.champion.value if evaluation else None,
        baseline=evaluation.baseline.value if evaluation else None,
        rows=run.dataset.rows if run.dataset else None,
        cpu_seconds=run.cpu_seconds,
        calibration=_calibration_text(evaluation.calibration) if evaluation and evaluation.calibration else None,
    )


def _calibration_text(parameters: CalibrationParameters) -> str:
    biases = parameters.biases
    if len(biases) > MOST_BIASES:
        return f"scale {parameters.scale:.2f}, biases {min(biases.values()):+.2f} to {max(biases.values()):+.2f}"
    return f"scale {parameters.scale:.2f}, biases " + ", ".join(f"{name} {bias:+.2f}" for name, bias in biases.items())


def _result(watch: StreamWatch, run: TrainingRun) -> tuple[Result, Sequence[str]]:
    """What came of a training, and why."""
    verdict = watch.verdicts.get(run.request)
    reasons: Sequence[str] = verdict.detail.get("reasons", ()) if verdict else ()
    champions = {epoch.champion.run for epoch in watch.epochs.values()}
    challengers = {
        challenger.model.run
        for epoch in watch.epochs.values()
        for challenger in (epoch.rollout.challengers if epoch.rollout else ())
    }
    if run.status == "failed":
        return "failed", [run.failure or ""]
    if run.status == "refused" or (verdict is not None and verdict.action == "run.refused"):
        return "refused", reasons or [run.failure or ""]
    if run.request in champions:
        return "promoted", reasons
    if run.request in challengers:
        return "rollout", reasons
    if verdict is None:
        return "running", ()
    return "kept back", ["another model was being rolled out"] if verdict.detail.get("passed") else reasons
