"""Values of a declaration that have a grammar or bounds of their own, which earlier releases did not check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from penstock.contracts.declaration.cron import check_cron
from penstock.contracts.declaration.stream import COLUMN_PATTERN, Declaration, LabelDeclaration, TimeDeclaration
from penstock.contracts.declaration.violation import Violation
from penstock.contracts.input_bounds import is_in_bounds

LONGEST_DURATION = timedelta(days=36_500)

TIME_EXAMPLE = "such as 2026-01-31T00:00:00Z"
COLUMN_EXPECTED = "must be 1 to 200 characters, none of them a line break or another control character"


def grammar_violations(declaration: Declaration) -> Iterator[Violation]:
    """The values of a declaration that mean nothing, or nothing that can be."""
    yield from _field_violations(declaration)
    yield from _time_violations(declaration.time)
    yield from _label_violations(declaration.label)
    for table, cron in (("retrain", declaration.retrain.cron), ("batch", declaration.batch.cron)):
        if cron is not None and (wrong := check_cron(cron)):
            yield Violation((table, "cron"), wrong)


def is_field_name(name: str) -> bool:
    """Whether a field may be called so: payloads are written by an encoder that escapes nothing in names."""
    return '"' not in name and "\\" not in name


def _field_violations(declaration: Declaration) -> Iterator[Violation]:
    for name in declaration.fields:
        if not is_field_name(name):
            yield Violation(("fields", name), "must be a name without quotation mark and backslash; rename the column")


def _time_violations(time: TimeDeclaration) -> Iterator[Violation]:
    if time.column is not None and not re.fullmatch(COLUMN_PATTERN, time.column):
        yield Violation(("time", "column"), COLUMN_EXPECTED)
    if time.start.tzinfo is None:
        yield Violation(("time", "start"), f"must name its zone, {TIME_EXAMPLE}")
    elif not is_in_bounds(time.start):
        yield Violation(("time", "start"), "must be a time from 1900 to 2199")
    if time.step > LONGEST_DURATION:
        yield Violation(("time", "step"), "must be at most 100 years")


def _label_violations(label: LabelDeclaration) -> Iterator[Violation]:
    if "" in label.classes:
        yield Violation(("label", "classes"), "an empty text is no class")
    if label.horizon > LONGEST_DURATION:
        yield Violation(("label", "horizon"), "must be at most 100 years (P36500D)")
    if isinstance(label.prior, dict) and label.new_classes == "refuse":
        for name in label.prior:
            if name not in label.classes:
                yield Violation(("label", "prior", name), f"is none of the classes {', '.join(label.classes)}")
