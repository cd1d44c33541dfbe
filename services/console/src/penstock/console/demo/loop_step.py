"""What the loop of a stream waits for now, from the newest records on the log."""

from __future__ import annotations

from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.monitoring import HOLDOUT_DETECTOR
from penstock.contracts.records.training import TrainingRun

NOTHING = "nothing: the champion answers"


def awaited(watch: StreamWatch) -> str:
    """What has to happen before a better model answers."""
    runs = {run.request: run for run in watch.training_runs.values()}
    newest = list(watch.training_requests.values())[-1:]
    for request in newest:
        run = runs.get(request.id)
        if run is None or run.status == "started":
            return f"a training that runs, on {request.until:,} outcomes ({request.reason})"
        if run.status == "finished" and (step := _judgement(watch, run)):
            return step
    if watch.newest_epoch > max(0, watch.events.newest_epoch):
        return f"the server to open the model of epoch {watch.newest_epoch}"
    return _outcomes_text(watch)


def _judgement(watch: StreamWatch, run: TrainingRun) -> str | None:
    """What a candidate waits for, None once it serves or is kept back."""
    verdict = watch.verdicts.get(run.request)
    if verdict is None:
        return "the verdict on a candidate"
    has_come = any(epoch.champion.run == run.request or epoch.rollout for epoch in watch.epochs.values())
    return None if has_come or not verdict.detail.get("passed") else "the promotion of a candidate that passed"


def _outcomes_text(watch: StreamWatch) -> str:
    retrain, outcomes = watch.stream.declaration.retrain, len(watch.events.outcomes)
    if not watch.training_requests:
        return f"outcomes until the first model ({min(outcomes, retrain.first_after):,} of {retrain.first_after:,})"
    decision = watch.decision
    if decision is None or decision.verdict == "retrain":
        return NOTHING
    match decision.reason:
        case "settling":
            seen = min(outcomes - _drift_outcomes(watch, decision), retrain.settle)
            return f"outcomes after the drift to learn from ({seen:,} of {retrain.settle:,})"
        case "cooling" | "stale":
            until = max(request.until for request in watch.training_requests.values())
            return f"outcomes after the last training ({outcomes - until:,} so far)"
        case "nothing":
            return NOTHING
        case reason:
            return decision.detail or reason


def _drift_outcomes(watch: StreamWatch, decision: Decision) -> int:
    """How many outcomes there were at the first confirmed drift that no training has answered."""
    requests = watch.training_requests.values()
    answered = max(*(request.since or 0 for request in requests), min(request.until for request in requests))
    changes = (drift for drift in watch.drifts if drift.status == "confirmed" and drift.detector != HOLDOUT_DETECTOR)
    return min((drift.outcomes for drift in changes if drift.outcomes > answered), default=decision.outcomes)
