"""A chart: what the browser draws, and the table that says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True)
class Table:
    """Rows of texts below the names of their columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Chart:
    """A chart as Plotly takes it.

    A colour is named as in the style sheet, `@good` for its `--good`, so that it fits the theme. `summary` says in a
    sentence what is to be seen, for those who do not see it. `height` is in pixels.
    """

    name: str
    title: str
    summary: str
    traces: Sequence[Mapping[str, Any]]
    table: Table
    layout: Mapping[str, Any] = field(default_factory=dict)
    height: int = 300
    note: str = ""

    @property
    def document(self) -> str:
        """The traces and the layout as JSON that may stand in a page."""
        content = msgspec.json.encode({"traces": self.traces, "layout": self.layout, "height": self.height})
        return content.decode().replace("<", "\\u003c")
