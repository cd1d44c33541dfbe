"""The losses of a block by declared slices: a model may do well on the whole and badly on some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.monitoring import Confusion, SliceLosses
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.slice_values import slice_value
from penstock.drift_detector.quality.outcome_block import OutcomeBlock
from penstock.ml.metrics.confidence_sequences import Moments


def slice_values(declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> list[list[str]]:
    """For each outcome the value of each declared slice; an empty text where it is missing."""
    names = [declaration.attribute_of(field) for field in declaration.slices]
    return [[slice_value(getattr(outcome.data.fields, name)) for name in names] for outcome in outcomes]


def slice_losses(declaration: Declaration, block: OutcomeBlock) -> tuple[SliceLosses, ...]:
    """The losses of the labelled rows, by slice and value."""
    if len(block.slices) < len(block.short_keys):
        return ()  # the block was begun by a release that did not store slices
    rows: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row, values in enumerate(block.slices):
        if block.losses[row] is not None:
            for number, value in enumerate(values):
                rows[number, value].append(row)
    return tuple(
        _summary(declaration, block, declaration.slices[number], value, selected)
        for (number, value), selected in sorted(rows.items())
    )


def _summary(declaration: Declaration, block: OutcomeBlock, field: str, value: str, rows: Sequence[int]) -> SliceLosses:
    positive = declaration.positive_class
    moments = Moments.of([block.losses[row] or 0.0 for row in rows])
    return SliceLosses(
        field=field,
        value=value,
        answers=moments.n,
        mean=moments.mean,
        squares=moments.squares,
        confusion=_confusion(block, rows, positive) if positive is not None else None,
    )


def _confusion(block: OutcomeBlock, rows: Sequence[int], positive: str) -> Confusion:
    cases = [(block.answers[row] == positive, block.labels[row] == positive) for row in rows]
    return Confusion(
        true_negatives=cases.count((False, False)),
        false_positives=cases.count((True, False)),
        false_negatives=cases.count((False, True)),
        true_positives=cases.count((True, True)),
    )
