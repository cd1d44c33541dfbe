"""A stream of labels, under any name."""

from __future__ import annotations

from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared

DECLARATION = """
[stream]
name = "{name}"
task = "binary"
[label]
name = "y"
classes = ["0", "1"]
[fields]
x = {{ type = "number" }}
"""


def declared(name: str) -> StreamDeclared:
    declaration = parse_declaration(DECLARATION.format(name=name))
    return StreamDeclared(source="t", id=f"{name}-1", time="2026-01-01T00:00:00Z", version=1, declaration=declaration)
