"""Labels in the task's own type: a class as text, or a number."""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from penstock.contracts.declaration.stream import Declaration, LabelDeclaration
from penstock.contracts.records.events import Event, Label


def canonical_class(value: str | float | bool) -> str:
    """A class as text, the same however it was written in JSON.

    >>> canonical_class(1.0), canonical_class(True), canonical_class("1")
    ('1', 'true', '1')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def class_name(label: LabelDeclaration, value: str | float | bool) -> str:
    """The class that a value names, as declared: of `true` and `false` the one that means it, however it is called.

    >>> label = LabelDeclaration(name="late", classes=("No", "Yes"))
    >>> class_name(label, True), class_name(label, "No"), class_name(label, 1)
    ('Yes', 'No', '1')
    """
    name = canonical_class(value)
    return label.boolean_classes.get(name, name)


def label_value(declaration: Declaration, label: Label) -> str | float:
    """The value of a label, a class as text or a number."""
    return _task_value(declaration, label.data.value)


def history_label_value(declaration: Declaration, event: Event[Any]) -> str | float:
    """The label that an event of imported history carries, a class as text or a number.

    Raises:
        LookupError: the event carries no label.
    """
    if isinstance(event.label, UnsetType):
        raise LookupError("the event carries no label")
    return _task_value(declaration, event.label)


def _task_value(declaration: Declaration, value: str | float | bool) -> str | float:
    return float(value) if declaration.task == "regression" else class_name(declaration.label, value)
