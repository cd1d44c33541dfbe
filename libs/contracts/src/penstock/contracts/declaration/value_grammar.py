"""Values of a declaration that have a grammar or bounds of their own, which earlier releases did not check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from penstock.contracts.declaration.cron import cron_fault
from penstock.contracts.declaration.fault import Fault
from penstock.contracts.declaration.stream import COLUMN_PATTERN, Declaration, LabelDeclaration, TimeDeclaration
from penstock.contracts.input_bounds import is_in_bounds

LONGEST_DURATION = timedelta(days=36_500)

TIME_EXAMPLE = "such as 2026-01-31T00:00:00Z"
COLUMN_EXPECTED = "must be 1 to 200 characters, none of them a line break or another control character"


def grammar_faults(declaration: Declaration) -> Iterator[Fault]:
    """The values of a declaration that mean nothing, or nothing that can be."""
    yield from _time_faults(declaration.time)
    yield from _label_faults(declaration.label)
    if declaration.retrain.cron is not None and (fault := cron_fault(declaration.retrain.cron)):
        yield Fault(("retrain", "cron"), fault)


def _time_faults(time: TimeDeclaration) -> Iterator[Fault]:
    if time.column is not None and not re.fullmatch(COLUMN_PATTERN, time.column):
        yield Fault(("time", "column"), COLUMN_EXPECTED)
    if time.start.tzinfo is None:
        yield Fault(("time", "start"), f"must name its zone, {TIME_EXAMPLE}")
    elif not is_in_bounds(time.start):
        yield Fault(("time", "start"), "must be a time from 1900 to 2199")
    if time.step > LONGEST_DURATION:
        yield Fault(("time", "step"), "must be at most 100 years")


def _label_faults(label: LabelDeclaration) -> Iterator[Fault]:
    if "" in label.classes:
        yield Fault(("label", "classes"), "an empty text is no class")
    if label.horizon > LONGEST_DURATION:
        yield Fault(("label", "horizon"), "must be at most 100 years (P36500D)")
    if isinstance(label.prior, dict) and label.new_classes == "refuse":
        for name in label.prior:
            if name not in label.classes:
                yield Fault(("label", "prior", name), f"is none of the classes {', '.join(label.classes)}")
