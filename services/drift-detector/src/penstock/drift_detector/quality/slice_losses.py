"""The losses of a block by declared slices: the same model may do well on the whole and badly on some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.monitoring import Confusion, SliceLosses
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.quality.block_outcomes import Block
from penstock.ml.metrics.confidence_sequences import Moments


def slices_in(declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> list[list[str]]:
    """For each outcome the value of each declared slice; an empty text where it is missing."""
    names = [declaration.attribute_of(field) for field in declaration.slices]
    return [[_text(getattr(outcome.data.fields, name)) for name in names] for outcome in outcomes]


def slices_of(declaration: Declaration, block: Block) -> tuple[SliceLosses, ...]:
    """The rows that have a label, by slice and value."""
    if len(block.slices) < len(block.marks):
        return ()  # the block was begun by a version that did not tell them apart
    rows: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row, values in enumerate(block.slices):
        if block.losses[row] is not None:
            for place, value in enumerate(values):
                rows[place, value].append(row)
    return tuple(
        _losses(declaration, block, declaration.slices[place], value, some)
        for (place, value), some in sorted(rows.items())
    )


def _losses(declaration: Declaration, block: Block, field: str, value: str, rows: Sequence[int]) -> SliceLosses:
    found = Moments.of([block.losses[row] or 0.0 for row in rows])
    return SliceLosses(
        field=field,
        value=value,
        answers=found.n,
        mean=found.mean,
        squares=found.squares,
        confusion=_confusion(block, rows, declaration.label.classes[1]) if declaration.task == "binary" else None,
    )


def _confusion(block: Block, rows: Sequence[int], positive: str) -> Confusion:
    cases = [(block.answers[row] == positive, block.labels[row] == positive) for row in rows]
    return Confusion(
        true_negatives=cases.count((False, False)),
        false_positives=cases.count((True, False)),
        false_negatives=cases.count((False, True)),
        true_positives=cases.count((True, True)),
    )


def _text(value: Any) -> str:
    if value is None or value is UNSET:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
