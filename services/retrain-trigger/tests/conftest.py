"""Records of one stream, for tests to apply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import AgeLoss, Dataset, Evaluation, Score, TrainingRequest, TrainingRun

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(outcomes: int) -> datetime:
    return START + timedelta(minutes=outcomes)


def declared(version: int = 1, fields: tuple[str, ...] = ("load",), **retrain: Any) -> StreamDeclared:
    declaration = Declaration.model_validate(
        {
            "name": "power",
            "task": "regression",
            "fields": {name: {"type": "number"} for name in fields},
            "label": {"name": "price"},
            "retrain": retrain,
        }
    )
    return StreamDeclared(source="r", id=f"power@{version}", time=at(version), version=version, declaration=declaration)


def statistics(stop: int, score: float = 0.7, start: int | None = None, epoch: int = 0) -> Statistics:
    start = max(0, stop - 100) if start is None else start
    return Statistics(
        source="d", id=f"s{stop}", time=at(stop), stream="power", start=start, stop=stop, joined=100,
        expired=0, metric="accuracy", score=score, coverage=1.0, version=0, epoch=epoch,
        first_time=at(start), last_time=at(stop),
    )  # fmt: skip


def drift(outcomes: int, status: Literal["suspected", "confirmed"] = "confirmed", name: str = "") -> Drift:
    return Drift(
        source="d", id=f"d{outcomes}{name}", time=at(outcomes), stream="power", kind="concept", detector="adwin",
        statistic=0.2, threshold=0.1, status=status, outcomes=outcomes, event_source="e", event_id="1", epoch=0,
    )  # fmt: skip


def command(name: str) -> Command:
    return Command(source="r", id=name, time=START, kind="retrain", stream="power", by="ann")


def imported(outcomes: int) -> Command:
    return Command(
        source="r", id=f"i{outcomes}", time=START, kind="imported", stream="power", by="ann", outcomes=outcomes
    )


def ended(
    request: TrainingRequest,
    status: Literal["finished", "failed", "refused"] = "finished",
    *,
    gain: float | None = None,
    learnt_from: int = 0,
    seconds: float = 0.0,
    schema_version: int = 1,
    ages: tuple[AgeLoss, ...] = (),
) -> TrainingRun:
    """The end of the request's run; `gain` is the lower end of its interval, `ages` what it shows of older models."""
    rows = max(request.until - learnt_from, 0)
    return TrainingRun(
        source="t", id=f"{request.id}-{status}", time=request.time, stream="power", request=request.id,
        fence=request.fence, status=status, reason=request.reason, until=request.until, learnt_from=learnt_from,
        dataset=Dataset(segments=(), schema_version=schema_version, rows=rows), cpu_seconds=seconds,
        evaluation=None if gain is None else evaluation(gain, ages),
    )  # fmt: skip


def evaluation(gain: float, ages: tuple[AgeLoss, ...] = ()) -> Evaluation:
    score = Score(value=0.7, low=0.6, high=0.8, rows=100)
    paired = Score(value=gain + 0.01, low=gain, high=gain + 0.02, rows=100)
    return Evaluation(metric="accuracy", candidate=score, champion=score, baseline=score, gain=paired, ages=ages)


def age_loss(age: int, excess: float, error: float = 0.001, loss: float = 1.0) -> AgeLoss:
    return AgeLoss(age=age, excess=excess, error=error, loss=loss, rows=100)


def promoted(request: TrainingRequest, epoch: int = 1) -> ModelEpoch:
    champion = ModelVersion(
        name="power", version=epoch, family="linear", digest="d", envelope={}, run=request.id, schema_version=1
    )
    return ModelEpoch(
        source="r", id=f"e{epoch}", time=request.time, stream="power", epoch=epoch, champion=champion,
        reason="promotion",
    )  # fmt: skip
