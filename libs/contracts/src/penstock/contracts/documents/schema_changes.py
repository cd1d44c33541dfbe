"""What may change within a version of a record: additions only. Any other change needs a new version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """The changes from schema `old` to `new` by which a reader of one could fail on records of the other.

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
    if removed := _values(old) - _values(new):
        yield f"{path} lost values {sorted(map(str, removed))}"
    yield from _fewer_choices(old, new, path, old_root, new_root)
    if "items" in old and isinstance(old["items"], dict):
        yield from _differences(old["items"], new.get("items", {}), f"{path}[]", old_root, new_root)


def _values(schema: Schema) -> set[Any]:
    """The values that the schema allows, where it lists them."""
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
    target: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        target = target.get(part, {})
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
