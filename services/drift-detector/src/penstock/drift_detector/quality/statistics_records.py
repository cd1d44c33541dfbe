"""What is said of a block of outcomes."""

from __future__ import annotations

from datetime import datetime

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Estimate, Measure, Statistics
from penstock.drift_detector.event_key import SOURCE
from penstock.drift_detector.quality.arm_losses import arms_of
from penstock.drift_detector.quality.block_outcomes import BLOCK, Block, Clock, Columns, numbers
from penstock.drift_detector.quality.slice_losses import slices_of
from penstock.ml.metrics import Measured, measure_classes, measure_numbers, primary_metric


def statistics(
    stream: str,
    declaration: Declaration,
    block: Block,
    columns: Columns,
    clock: Clock,
    time: datetime,
) -> Statistics:
    """What a block that holds at least one outcome tells now."""
    assert block.first_time is not None
    assert block.last_time is not None
    joined, start = len(columns.losses), block.number * BLOCK
    return Statistics(
        source=SOURCE,
        id=derived_id("statistics", stream, start) if clock == "provisional" else matured_id(stream, block),
        time=time,
        cause=block.newest,
        stream=stream,
        start=start,
        stop=start + BLOCK,
        joined=joined,
        expired=len(block.marks) - joined,
        metric=primary_metric(declaration.task),
        score=columns.score(declaration.task),
        coverage=joined / len(block.marks),
        version=block.version,
        epoch=block.epoch,
        first_time=block.first_time,
        last_time=block.last_time,
        clock=clock,
        revised=block.revised,
        metrics=measured(declaration, columns),
        estimate=None if block.estimate is None else _estimate(block, block.estimate),
        arms=arms_of(declaration.task, block),
        slices=slices_of(declaration, block) if declaration.slices else (),
    )


def matured_id(stream: str, block: Block) -> str:
    """The id of what a matured block tells; another once more of its labels were corrected."""
    return derived_id("statistics", stream, block.number * BLOCK, "matured", block.revised)


def _estimate(block: Block, expected: float) -> Estimate:
    return Estimate(score=expected, answers=len(block.answers), error=block.error)


def measured(declaration: Declaration, columns: Columns) -> dict[str, Measure]:
    """All metrics of the rows that have a label."""
    return {
        name: Measure.model_construct(value=one.value, low=one.low, high=one.high)  # finite: nothing to check
        for name, one in _measured(declaration, columns).items()
    }


def _measured(declaration: Declaration, columns: Columns) -> dict[str, Measured]:
    if declaration.task == "regression":
        return measure_numbers(numbers(columns.answers), numbers(columns.labels))
    given = None if columns.probabilities is None else columns.probabilities[columns.known]
    return measure_classes(columns.answers, columns.labels, given, declaration.label.classes)
