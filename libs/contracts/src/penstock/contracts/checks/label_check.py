"""The check of labels: id, time, entity and value."""

from __future__ import annotations

from datetime import datetime

from penstock.contracts.checks.envelope_check import LARGEST_CLOCK_SKEW, check_envelope
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.input_bounds import LARGEST_NUMBER, LONGEST_CLASS, is_too_large
from penstock.contracts.label_values import class_name
from penstock.contracts.records.events import Label
from penstock.contracts.refusals import Refusal


def check_label(declaration: Declaration, label: Label, now: datetime) -> Refusal | None:
    """Why `label` is refused, or None; `now` is its log-append time, or the present time for a request."""
    refusal = check_envelope(label, now + LARGEST_CLOCK_SKEW) or _check_content(declaration, label)
    return refusal and refusal.of_record("label", label.source, label.id, label.data.entity)


def _check_content(declaration: Declaration, label: Label) -> Refusal | None:
    if declaration.entity is not None and label.data.entity is None:
        return Refusal("missing_entity", f"a label names its event's {declaration.entity!r}", "entity")
    return check_label_value(declaration, label.data.value, "value")


def check_label_value(declaration: Declaration, value: str | float | bool, field: str) -> Refusal | None:
    """Why the value of a label, sent in `field`, is refused, or None.

    It is no number, none of the classes, or beyond the bounds of what may be sent.
    """
    if is_too_large(value):
        return bound_refusal(field)
    if declaration.task == "regression":
        numeric = isinstance(value, float | int) and not isinstance(value, bool)
        return None if numeric else Refusal("wrong_type", "expected a number", field)
    name, accepts_any = class_name(declaration.label, value), declaration.label.new_classes == "accept"
    if not name:
        return Refusal("unknown_class", "an empty text is no class", field)
    if name in declaration.label.classes or accepts_any:
        return None
    return Refusal("unknown_class", f"expected one of {', '.join(declaration.label.classes)}", field)


def bound_refusal(field: str) -> Refusal:
    """The refusal of a label or a prediction that is too large a number or too long a text."""
    detail = f"expected a number within {LARGEST_NUMBER:g} of zero, or a class of at most {LONGEST_CLASS} characters"
    return Refusal("out_of_range", detail, field)
