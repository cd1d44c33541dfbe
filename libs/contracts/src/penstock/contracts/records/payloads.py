"""The struct that holds a stream's own fields, built from its declaration: the `data` of its events."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from penstock.contracts.declaration.stream import Declaration, FieldDeclaration

_PYTHON_TYPES: dict[str, Any] = {"number": float, "integer": float, "boolean": bool, "category": str}


def payload_type(declaration: Declaration) -> type[Struct]:
    """The struct of the stream's payload, with an attribute `f0, f1, …` per declared field, in declared order."""
    return _payload_type(tuple(declaration.fields.items()), declaration.extra)


@lru_cache(maxsize=1024)
def _payload_type(fields: tuple[tuple[str, FieldDeclaration], ...], extra: str) -> type[Struct]:
    names = {name: f"f{number}" for number, (name, _) in enumerate(fields)}
    members: list[Any] = [
        (names[name], _field_type(field)) if field.missing == "refuse" else (names[name], _field_type(field), None)
        for name, field in fields
    ]
    return msgspec.defstruct(
        "Data",
        members,
        rename={attribute: name for name, attribute in names.items()},
        kw_only=True,
        forbid_unknown_fields=extra == "refuse",
    )


def _field_type(field: FieldDeclaration) -> Any:
    kind: Any = _PYTHON_TYPES[field.type]
    if field.type == "category" and field.categories and field.outside == "refuse":
        kind = Literal[tuple(field.categories)]  # checked while decoding, at no further cost
    return kind if field.missing == "refuse" else kind | None
