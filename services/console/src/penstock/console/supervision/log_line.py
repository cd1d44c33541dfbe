"""A line of a log file as a person reads it: services write JSON there, other processes plain text."""

from __future__ import annotations

import json
from typing import Any


def plain_line(line: str) -> str:
    """The time, level, service and message of a JSON line, and the traceback below; any other line as it is.

    >>> plain_line('{"@timestamp":"2026-01-01T00:00:00.000Z","log.level":"info","message":"ready"}')
    '2026-01-01T00:00:00.000Z INFO ready'
    """
    try:
        fields = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return line
    if not isinstance(fields, dict) or "@timestamp" not in fields:
        return line
    level = str(fields.get("log.level") or _part(fields, "log", "level")).upper()
    text = " ".join(filter(None, [str(fields["@timestamp"]), level, str(fields.get("message", ""))]))
    stack, error = _part(fields, "error", "stack_trace"), _part(fields, "error", "message")
    return "\n".join(
        filter(None, [text, stack.rstrip(), f"{_part(fields, 'error', 'type')}: {error}" if error else ""])
    )


def _part(fields: dict[str, Any], group: str, name: str) -> str:
    values = fields.get(group)
    return str(values.get(name, "")) if isinstance(values, dict) else ""
