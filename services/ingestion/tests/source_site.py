"""A stream with sources, and the messages of its topics, for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared

NOW = 1_767_225_600_000  # 2026-01-01T00:00Z

LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"
[label]
name = "defaulted"
classes = ["no", "yes"]
[fields]
customer = { type = "category" }
amount = { type = "number" }
returning = { type = "boolean" }
"""

TABLE = """
[source.table]
kafka = "shop.public.loans"
format = "debezium"
records = "both"
id = "loan_id"
fields.amount = "total.gross"
"""


def declared(*sources: str, text: str = LOANS, version: int = 1) -> StreamDeclared:
    """The stream of `text` with these sources."""
    declaration = parse_declaration(text + "".join(sources))
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return StreamDeclared(source="t", id=declaration.name, time=time, version=version, declaration=declaration)


def row(number: int, **columns: Any) -> dict[str, Any]:
    """A row of the table of loans."""
    return {
        "loan_id": number,
        "customer": number % 3,
        "total": {"gross": "12.50"},
        "returning": 1,
        "defaulted": None,
    } | columns


def change(op: str, after: Any = None, before: Any = None, **envelope: Any) -> bytes:
    """A Debezium envelope."""
    origin = {"connector": "postgresql", "ts_ms": NOW - 1000}
    return json.dumps({"op": op, "before": before, "after": after, "source": origin, "ts_ms": NOW, **envelope}).encode()
