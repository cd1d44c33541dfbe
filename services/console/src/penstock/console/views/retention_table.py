"""What is left of retention, as a table: one line for each topic of which least is left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rich.table import Column, Table
from rich.text import Text

LEVEL_COLOURS = {"ample": "green", "low": "yellow", "passed": "red"}


def retention_table(topics: list[dict[str, Any]]) -> Table:
    """The topics, as the registry gives them: when retention passes the slowest group, if it reads nothing more."""
    table = Table(Column("topic", overflow="fold"), "slowest group", "left", "passes it in", "level", box=None)
    for topic in topics:
        level = Text(topic["level"], style=LEVEL_COLOURS.get(topic["level"], ""))
        table.add_row(topic["topic"], topic["group"], f"{topic['share']:.0%}", _time_left(topic), level)
    return table


def _time_left(topic: dict[str, Any]) -> str:
    return "no limit" if topic["seconds"] is None else str(timedelta(seconds=round(topic["seconds"])))
