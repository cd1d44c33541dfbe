"""A stream as the registry gives it, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from penstock.console.deletion_text import deletion_text
from penstock.console.pause_text import pause_text
from penstock.console.views.models_table import microseconds, push_text
from penstock.contracts.declaration.stream import Declaration


def stream_table(stream: dict[str, Any], champion: dict[str, Any] | None = None) -> Table:
    """What is declared, in force and held, a line for each; with the champion as the registry gives it."""
    table = Table.grid(padding=(0, 2))
    lines = _lines(stream, Declaration.model_validate(stream["declaration"]))
    for name, value in [*lines, *(_champion_lines(champion) if champion else ())]:
        table.add_row(name, Text(value))
    return table


def _champion_lines(champion: dict[str, Any]) -> Iterator[tuple[str, str]]:
    model, push = champion["model"], champion["model"].get("push")
    yield "model", f"{model['family']}, {microseconds(champion.get('scoring_seconds'))} µs an event"
    if push:
        yield "said of it", push_text(push)
    if push and push.get("environment"):
        yield "made with", ", ".join(f"{name} {version}" for name, version in sorted(push["environment"].items()))


def _lines(stream: dict[str, Any], declared: Declaration) -> list[tuple[str, str]]:
    classes = f", one of {', '.join(declared.label.classes)}" if declared.label.classes else ""
    lines = [
        ("stream", f"{stream['name']}, version {stream['version']} of its declaration"),
        ("task", f"{declared.task}: {declared.label.name}{classes}; judged by {declared.metric}"),
        ("entity", declared.entity or "none"),
        ("fields", ", ".join(f"{name} ({field.type})" for name, field in declared.fields.items())),
        ("serves", f"version {stream['champion']}, epoch {stream['epoch']}"),
    ]
    if (hold := stream["hold"]) is not None:
        since = f"since the rollback at epoch {hold['epoch']} by {hold['by']}"
        lines.append(("held", f"{since}; nothing changes by itself"))
    if (pause := stream.get("pause")) is not None:
        lines.append(("paused", pause_text(pause)))
    if (deletion := stream.get("deletion")) is not None:
        lines.append(("deleted", deletion_text(deletion)))
    return lines
