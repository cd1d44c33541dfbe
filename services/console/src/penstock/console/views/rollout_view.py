"""A rollout, as it is shown."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table


def rollout_table(stream: str, found: dict[str, Any]) -> Group:
    """The arms of a rollout, and what they have shown so far."""
    table = Table("model", "share", "outcomes", _mean_head(found), title=_title(stream, found), title_justify="left")
    for place, arm in enumerate(found["arms"]):
        role = "champion" if place == 0 else "challenger"
        mean = "-" if not arm["outcomes"] else f"{arm['mean']:.4g}"
        table.add_row(f"{role}, version {arm['version']}", f"{arm['share']:.1%}", f"{arm['outcomes']:,}", mean)
    return Group(table, _apart(found), found["detail"])


def _title(stream: str, found: dict[str, Any]) -> str:
    step = f", step {found['step'] + 1} of {found['steps']}" if found["mode"] == "canary" else ""
    return f"{found['mode']} on {stream}: {found['state']}{step}, {found['outcomes']:,} outcomes since it began"


def _mean_head(found: dict[str, Any]) -> str:
    return "loss less the champion's" if found["mode"] == "shadow" else "mean loss"


def _apart(found: dict[str, Any]) -> str:
    if found["low"] is None:
        return "Too few outcomes to compare the models." if found["mode"] != "bandit" else ""
    return f"The challenger's loss less the champion's: {found['low']:+.4g} to {found['high']:+.4g}"
