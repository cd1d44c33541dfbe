"""What a new declaration may change: the stream's records on the log must stay readable and comparable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.contracts.declaration.stream import Declaration

ANOTHER_STREAM = "declare a stream of another name instead"


@dataclass(frozen=True)
class Incompatibility:
    """A change of a declaration that cannot be made: the field, what is wrong and what to do."""

    field: str
    detail: str


def first_incompatibility(old: Declaration, new: Declaration) -> Incompatibility | None:
    """The first change from `old` to `new` that cannot be made, None when there is none."""
    return next(_incompatibilities(old, new), None)


def _incompatibilities(old: Declaration, new: Declaration) -> Iterator[Incompatibility]:
    yield from _changed_constants(old, new)
    yield from _changed_classes(old, new)
    for name, field in old.fields.items():
        if name not in new.fields:
            yield Incompatibility(f"fields.{name}", f"the field cannot be removed; keep it, or {ANOTHER_STREAM}")
        elif new.fields[name].type != field.type:
            detail = f"the type stays {field.type}; add a field of another name, or {ANOTHER_STREAM}"
            yield Incompatibility(f"fields.{name}.type", detail)
    for name, field in new.fields.items():
        if name not in old.fields and field.missing == "refuse":
            detail = 'events without the new field are on the log; declare it with missing = "accept"'
            yield Incompatibility(f"fields.{name}.missing", detail)


def _changed_constants(old: Declaration, new: Declaration) -> Iterator[Incompatibility]:
    pairs = {
        "task": (old.task, new.task),
        "entity": (old.entity, new.entity),
        "ordered": (old.ordered, new.ordered),
        "partitions": (old.partition_count, new.partition_count),
        "label.name": (old.label.name, new.label.name),
    }
    for field, (before, after) in pairs.items():
        if before != after:
            yield Incompatibility(field, f"it stays {_as_text(before)}; set it back, or {ANOTHER_STREAM}")


def _changed_classes(old: Declaration, new: Declaration) -> Iterator[Incompatibility]:
    for name in old.label.classes:
        if name not in new.label.classes:
            yield Incompatibility("label.classes", f"the class {name} cannot be removed; keep it, or {ANOTHER_STREAM}")


def _as_text(value: object) -> str:
    return "undeclared" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
