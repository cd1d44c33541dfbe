"""A rollout as a table."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table


def rollout_table(stream: str, rollout: dict[str, Any]) -> Group:
    """The arms of a rollout and their losses so far, from the registry's document."""
    loss = "loss less the champion's" if rollout["mode"] == "shadow" else "mean loss"
    table = Table("model", "share", "outcomes", loss, title=_title(stream, rollout), title_justify="left")
    for index, arm in enumerate(rollout["arms"]):
        role = "champion" if index == 0 else "challenger"
        mean = "-" if not arm["outcomes"] else f"{arm['mean']:.4g}"
        table.add_row(f"{role}, version {arm['version']}", f"{arm['share']:.1%}", f"{arm['outcomes']:,}", mean)
    return Group(table, _difference_text(rollout), rollout["detail"])


def _title(stream: str, rollout: dict[str, Any]) -> str:
    step = f", step {rollout['step'] + 1} of {rollout['steps']}" if rollout["mode"] == "canary" else ""
    outcomes = f"{rollout['outcomes']:,} outcomes since it began"
    return f"{rollout['mode']} on {stream}: {rollout['state']}{step}, {outcomes}"


def _difference_text(rollout: dict[str, Any]) -> str:
    if rollout["low"] is None:
        return "Too few outcomes to compare the models." if rollout["mode"] != "bandit" else ""
    return f"The challenger's loss less the champion's: {rollout['low']:+.4g} to {rollout['high']:+.4g}"
