"""How large a declaration may make its stream's records: more than that the log would not take."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.input_bounds import LONGEST_CLASS, MOST_CLASSES, MOST_NAME_BYTES, MOST_RUNNING_MEANS


@dataclass(frozen=True, slots=True)
class Excess:
    """What of a declaration is too large, and what was expected."""

    field: str
    detail: str


def first_excess(declaration: Declaration) -> Excess | None:
    """The first part of a declaration that is too large, None when there is none.

    Declarations on the log are not asked: those of earlier releases stay readable.
    """
    classes = declaration.label.classes
    if len(classes) > MOST_CLASSES:
        return Excess("label.classes", f"expected at most {MOST_CLASSES} classes")
    if max(map(len, classes), default=0) > LONGEST_CLASS:
        return Excess("label.classes", f"expected classes of at most {LONGEST_CLASS} characters")
    if sum(len(name.encode()) for name in declaration.fields) > MOST_NAME_BYTES:
        return Excess("fields", f"expected at most {MOST_NAME_BYTES:,} bytes of names of fields")
    if len(declaration.lags.running_means) > MOST_RUNNING_MEANS:
        return Excess("lags.inputs", f"expected at most {MOST_RUNNING_MEANS} running means")
    return None
