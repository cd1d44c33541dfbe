"""How large a declaration may make its stream's records: more than that the log would not take."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.violation import Violation
from penstock.contracts.input_bounds import LONGEST_CLASS, MOST_CLASSES, MOST_NAME_BYTES, MOST_RUNNING_MEANS


def size_violations(declaration: Declaration) -> Iterator[Violation]:
    """The parts of a declaration that are too large."""
    classes = declaration.label.classes
    if len(classes) > MOST_CLASSES:
        yield Violation(("label", "classes"), f"expected at most {MOST_CLASSES} classes")
    if max(map(len, classes), default=0) > LONGEST_CLASS:
        yield Violation(("label", "classes"), f"expected classes of at most {LONGEST_CLASS} characters")
    if sum(len(name.encode()) for name in declaration.fields) > MOST_NAME_BYTES:
        yield Violation(("fields",), f"expected at most {MOST_NAME_BYTES:,} bytes of names of fields")
    if len(declaration.lags.running_means) > MOST_RUNNING_MEANS:
        yield Violation(("lags", "inputs"), f"expected at most {MOST_RUNNING_MEANS} running means")
