"""The record on `statistics` for an outcome block."""

from __future__ import annotations

from datetime import datetime

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import EstimatedScore, MetricValue, Statistics
from penstock.drift_detector.quality.arm_losses import arm_losses
from penstock.drift_detector.quality.objective_statistics import objective_losses, objective_statistics
from penstock.drift_detector.quality.outcome_block import (
    OUTCOME_BLOCK,
    BlockColumns,
    Clock,
    OutcomeBlock,
    finite_floats,
)
from penstock.drift_detector.quality.slice_losses import slice_losses
from penstock.drift_detector.record_source import SOURCE
from penstock.ml.metrics import classification_metrics, primary_metric, regression_metrics


def statistics_record(
    stream: str, declaration: Declaration, block: OutcomeBlock, columns: BlockColumns, clock: Clock, time: datetime
) -> Statistics:
    """The quality of a block that holds at least one outcome, as it is now."""
    assert block.first_time is not None
    assert block.last_time is not None
    joined, start = len(columns.losses), block.number * OUTCOME_BLOCK
    losses = objective_losses(declaration, block)
    return Statistics(
        source=SOURCE,
        id=derived_id("statistics", stream, start) if clock == "provisional" else matured_id(stream, block),
        time=time,
        cause=block.newest_id,
        stream=stream,
        start=start,
        stop=start + OUTCOME_BLOCK,
        joined=joined,
        expired=len(block.short_keys) - joined,
        metric=primary_metric(declaration.task),
        score=columns.score(declaration.task),
        coverage=joined / len(block.short_keys),
        version=block.version,
        epoch=block.epoch,
        first_time=block.first_time,
        last_time=block.last_time,
        clock=clock,
        revised=block.corrections,
        metrics=metric_values(declaration, columns),
        estimate=_estimated_score(block),
        arms=arm_losses(declaration, block, losses),
        models=block.models,
        slices=slice_losses(declaration, block) if declaration.slices else (),
        objective=objective_statistics(declaration, columns, losses),
    )


def matured_id(stream: str, block: OutcomeBlock) -> str:
    """The id of a block's matured record; another one after each correction."""
    return derived_id("statistics", stream, block.number * OUTCOME_BLOCK, "matured", block.corrections)


def metric_values(declaration: Declaration, columns: BlockColumns) -> dict[str, MetricValue]:
    """All metrics of the task, over the rows that have a label."""
    if declaration.task == "regression":
        metrics = regression_metrics(finite_floats(columns.answers), finite_floats(columns.labels))
    else:
        probabilities = None if columns.probabilities is None else columns.probabilities[columns.is_labelled]
        metrics = classification_metrics(
            columns.answers, columns.labels, probabilities, declaration.label.classes, declaration.positive_class
        )
    return {
        name: MetricValue.model_construct(value=metric.value, low=metric.low, high=metric.high)  # finite: no checks
        for name, metric in metrics.items()
    }


def _estimated_score(block: OutcomeBlock) -> EstimatedScore | None:
    if block.estimate is None:
        return None
    return EstimatedScore(score=block.estimate, answers=len(block.answers), error=block.estimate_error)
