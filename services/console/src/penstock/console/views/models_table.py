"""The registered models of a stream as a table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.table import Column, Table
from rich.text import Text


def models_table(models: list[dict[str, Any]]) -> Table:
    """One line for each model, as the registry gives them."""
    cost = Column("µs an event", justify="right")
    table = Table(
        Column("version", justify="right"),
        "family",
        "registered",
        "state",
        "digest",
        cost,
        "training",
        "said",
        box=None,
    )
    for found in models:
        model, registered = found["model"], datetime.fromisoformat(found["registered"])
        table.add_row(
            str(model["version"]),
            model["family"],
            f"{registered:%Y-%m-%d %H:%M:%S}",
            _state(found),
            model["digest"].removeprefix("sha256:")[:12],
            microseconds(found.get("scoring_seconds")),
            model["run"] or "-",
            Text(push_text(model["push"]) if model.get("push") else ""),
        )
    return table


def microseconds(scoring_seconds: float | None) -> str:
    """What one answer took, of 1,000 in a batch.

    >>> microseconds(0.00213), microseconds(None)
    ('2.13', '-')
    """
    return "-" if scoring_seconds is None else f"{scoring_seconds * 1000:.3g}"


def push_text(push: dict[str, Any]) -> str:
    """Who pushed a model, and what they said of it.

    >>> push_text({"by": "ann", "metadata": {"auc": 0.9, "audited": True}, "notes": "from the paper"})
    'pushed by ann; auc=0.9, audited=true; from the paper'
    """
    pairs = (f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in _metadata(push))
    return "; ".join(filter(None, (f"pushed by {push['by']}", ", ".join(pairs), push.get("notes", ""))))


def _metadata(push: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(push.get("metadata", {}).items())


def _state(found: dict[str, Any]) -> str:
    if found["serving"]:
        return "serves"
    if found["archived"]:
        return "archived"
    return "passed the gate" if found["passed"] else "did not pass the gate"
