"""The registered models of a stream as a table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.table import Column, Table


def models_table(models: list[dict[str, Any]]) -> Table:
    """One line for each model, as the registry gives them."""
    table = Table(Column("version", justify="right"), "family", "registered", "state", "digest", "training", box=None)
    for found in models:
        model, registered = found["model"], datetime.fromisoformat(found["registered"])
        table.add_row(
            str(model["version"]),
            model["family"],
            f"{registered:%Y-%m-%d %H:%M:%S}",
            _state(found),
            model["digest"].removeprefix("sha256:")[:12],
            model["run"] or "-",
        )
    return table


def _state(found: dict[str, Any]) -> str:
    if found["serving"]:
        return "serves"
    if found["archived"]:
        return "archived"
    return "passed the gate" if found["passed"] else "did not pass the gate"
