"""The struct that holds a stream's own fields, built from its declaration: the `data` of its events."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.contracts.input_bounds import LARGEST_NUMBER

_PYTHON_TYPES: dict[str, Any] = {"number": float, "integer": float, "boolean": bool, "category": str}
_BOUNDED: Any = Annotated[float, Meta(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]


def payload_type(declaration: Declaration) -> type[Struct]:
    """The struct of the stream's payload, with an attribute `f0, f1, …` per declared field, in declared order."""
    return _payload_type(tuple(declaration.fields.items()), declaration.extra, False)


def sent_payload_type(declaration: Declaration) -> type[Struct]:
    """As `payload_type`, for events as producers send them: numbers are bounded, which is checked while decoding."""
    return _payload_type(tuple(declaration.fields.items()), declaration.extra, True)


@lru_cache(maxsize=1024)
def _payload_type(fields: tuple[tuple[str, FieldDeclaration], ...], extra: str, bounded: bool) -> type[Struct]:
    names = {name: f"f{number}" for number, (name, _) in enumerate(fields)}
    types = {name: _field_type(field, bounded) for name, field in fields}
    members: list[Any] = [
        (names[name], types[name]) if field.missing == "refuse" else (names[name], types[name], None)
        for name, field in fields
    ]
    return msgspec.defstruct(
        "Data",
        members,
        rename={attribute: name for name, attribute in names.items()},
        kw_only=True,
        forbid_unknown_fields=extra == "refuse",
    )


def _field_type(field: FieldDeclaration, bounded: bool) -> Any:
    kind: Any = _PYTHON_TYPES[field.type]
    if bounded and kind is float:
        kind = _BOUNDED
    if field.type == "category" and field.categories and field.outside == "refuse":
        kind = Literal[tuple(field.categories)]  # checked while decoding, at no further cost
    return kind if field.missing == "refuse" else kind | None
