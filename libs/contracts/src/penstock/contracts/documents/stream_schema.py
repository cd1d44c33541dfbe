"""The JSON Schema of `stream.toml`, with which editors complete and check it."""

from __future__ import annotations

import json
import re
from typing import Any

from penstock.contracts.declaration.stream import Declaration

Schema = dict[str, Any]

_NULL = {"type": "null"}
_STREAM = "The stream: its name, what is predicted, and how its events are ordered and accepted."


def stream_schema() -> Schema:
    """The schema (draft 7, as editors read it): every table in place, and the keys of `[stream]` in their table."""
    declared = Declaration.model_json_schema()
    whole = _plain(declared, declared.pop("$defs"))
    tables = {name: part for name, part in whole["properties"].items() if part.get("type") == "object"}
    keys = {name: part for name, part in whole["properties"].items() if name not in tables}
    required = whole["required"]
    stream = _table(keys, [name for name in required if name in keys], _STREAM)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "stream.toml",
        **_table({"stream": stream, **tables}, ["stream", *(name for name in required if name in tables)], _WHOLE),
    }


_WHOLE = "The declaration of a stream of Penstock."


def schema_text() -> str:
    """The schema as its file."""
    return json.dumps(stream_schema(), indent=2) + "\n"


def _table(properties: Schema, required: list[str], description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _plain(schema: Any, definitions: Schema) -> Any:
    """The schema as TOML has it: definitions in place, no titles of Python, no null."""
    if isinstance(schema, list):
        return [_plain(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        definition = definitions[schema["$ref"].removeprefix("#/$defs/")]
        return _plain(definition, definitions) | _described(schema)
    parts = {key: _plain_part(key, part, definitions) for key, part in schema.items() if not _is_left_out(key, part)}
    choices = parts.get("anyOf", [])
    if _NULL in choices:
        choices.remove(_NULL)
    if len(choices) == 1:
        parts |= parts.pop("anyOf")[0]
    if "patternProperties" in parts:
        parts["additionalProperties"] = False
    return parts


def _plain_part(key: str, part: Any, definitions: Schema) -> Any:
    if key in ("properties", "patternProperties"):
        return {name: _plain(inner, definitions) for name, inner in part.items()}
    if key == "description":
        return re.sub(r"(?<!\n)\n(?!\n)", " ", part)  # lines are broken in the code only
    return part if key in ("default", "enum", "required") else _plain(part, definitions)


def _is_left_out(key: str, part: Any) -> bool:
    return key == "title" or (key == "default" and part is None)


def _described(schema: Schema) -> Schema:
    return {key: part for key, part in schema.items() if key == "description"}
