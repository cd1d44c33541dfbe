"""The stream of tests that need one, whatever it is about."""

from __future__ import annotations

from datetime import UTC, datetime

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared

NOW = datetime(2024, 1, 1, tzinfo=UTC)
STREAM = StreamDeclared(
    source="test",
    id="s-1",
    time=NOW,
    version=1,
    declaration=Declaration.model_validate(
        {
            "name": "s",
            "task": "binary",
            "fields": {"x": {"type": "number"}},
            "label": {"name": "y", "classes": ["a", "b"]},
        }
    ),
)
