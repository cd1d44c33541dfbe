"""What may change within a record's version: additions only. Anything else is a new version with an upcast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """How records of schema `old` could fail a reader of `new`, or the other way round; empty when they cannot.

    >>> breaking_changes({"properties": {"a": {"type": "string"}}}, {"properties": {}})
    ['$.a was removed']
    """
    return list(_differences(old, new, "$", old, new))


def _differences(old: Schema, new: Schema, path: str, old_root: Schema, new_root: Schema) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    for name, before in old.get("properties", {}).items():
        after = new.get("properties", {}).get(name)
        if after is None:
            yield f"{path}.{name} was removed"
        else:
            yield from _differences(before, after, f"{path}.{name}", old_root, new_root)
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{path}.{name} became required"
    if old.get("type") != new.get("type"):
        yield f"{path} changed its type from {old.get('type')} to {new.get('type')}"
    if lost := _values(old) - _values(new):
        yield f"{path} lost values {sorted(map(str, lost))}"
    yield from _fewer_choices(old, new, path, old_root, new_root)
    if "items" in old and isinstance(old["items"], dict):
        yield from _differences(old["items"], new.get("items", {}), f"{path}[]", old_root, new_root)


def _values(schema: Schema) -> set[Any]:
    """The only values that are taken: one, or those of a list; none are named where any is taken."""
    return {schema["const"]} if "const" in schema else set(schema.get("enum", []))


def _fewer_choices(old: Schema, new: Schema, path: str, old_root: Schema, new_root: Schema) -> Iterator[str]:
    after = [_resolved(choice, new_root) for choice in new.get("anyOf", [])]
    for choice in old.get("anyOf", []):
        before = _resolved(choice, old_root)
        if not any(before.get("type") == other.get("type") for other in after):
            yield f"{path} no longer takes {before.get('type', 'a choice')}"


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        found = found.get(part, {})
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
