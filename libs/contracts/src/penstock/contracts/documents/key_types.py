"""The type of a key of `stream.toml`, in words."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_NAMES = {
    "string": ("text", "texts"),
    "boolean": ("true or false", "true or false"),
    "number": ("number", "numbers"),
    "integer": ("whole number", "whole numbers"),
}
_FORMATS = {"duration": "duration", "date-time": "time"}


def type_text(schema: Schema) -> str:
    """What a key may hold.

    >>> type_text({"type": "integer", "minimum": 1, "maximum": 256}), type_text({"enum": ["own", "external"]})
    ('whole number, 1 to 256', '`"own"`, `"external"`')
    >>> type_text({"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}})
    'list of numbers, above 0'
    """
    return _text(schema, 0)


def _text(schema: Schema, plural: int) -> str:
    if "anyOf" in schema:
        return ", or ".join(_text(choice, plural) for choice in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f'`"{value}"`' for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_text(schema['items'], 1)}{_length(schema)}"
    if schema["type"] == "object":
        return f"table: name to {_text(schema['additionalProperties'], 0)}"
    return (_FORMATS.get(schema.get("format", "")) or _NAMES[schema["type"]][plural]) + _range(schema)


def _length(schema: Schema) -> str:
    return f", at most {schema['maxItems']}" if "maxItems" in schema else ""


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low:,} to {high:,}"
    bounds = {
        "at least": low,
        "above": schema.get("exclusiveMinimum"),
        "at most": high,
        "below": schema.get("exclusiveMaximum"),
    }
    texts = [f"{word} {value:,}" for word, value in bounds.items() if value is not None]
    return f", {' and '.join(texts)}" if texts else ""
