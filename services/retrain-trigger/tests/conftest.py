"""What the log says of a stream, made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from penstock.contracts.declaration import Declaration
from penstock.contracts.governance import Command
from penstock.contracts.monitoring import Drift, Statistics
from penstock.contracts.streams import StreamDeclared
from penstock.contracts.training import TrainingRequest, TrainingRun

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(outcomes: int) -> datetime:
    return START + timedelta(minutes=outcomes)


def declared(**retrain: Any) -> StreamDeclared:
    declaration = Declaration.model_validate(
        {
            "name": "power",
            "task": "regression",
            "fields": {"load": {"type": "number"}},
            "label": {"name": "price"},
            "retrain": retrain,
        }
    )
    return StreamDeclared(source="r", id="power@1", time=START, version=1, declaration=declaration)


def statistics(stop: int) -> Statistics:
    return Statistics(
        source="d", id=f"s{stop}", time=at(stop), stream="power", start=max(0, stop - 100), stop=stop, joined=100,
        expired=0, metric="accuracy", score=0.7, coverage=1.0, version=0, epoch=0,
        first_time=at(stop - 100), last_time=at(stop),
    )  # fmt: skip


def drift(outcomes: int, status: Literal["suspected", "confirmed"] = "confirmed", name: str = "") -> Drift:
    return Drift(
        source="d", id=f"d{outcomes}{name}", time=at(outcomes), stream="power", kind="concept", detector="adwin",
        statistic=0.2, threshold=0.1, status=status, outcomes=outcomes, event_source="e", event_id="1", epoch=0,
    )  # fmt: skip


def command(name: str) -> Command:
    return Command(source="r", id=name, time=START, kind="retrain", stream="power", by="ann")


def ended(request: TrainingRequest, status: Literal["finished", "failed", "refused"] = "finished") -> TrainingRun:
    return TrainingRun(
        source="t", id=f"{request.id}-{status}", time=request.time, stream="power", request=request.id,
        fence=request.fence, status=status, reason=request.reason, until=request.until,
    )  # fmt: skip
