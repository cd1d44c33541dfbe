"""A rollout as a table."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table


def rollout_table(stream: str, rollout: dict[str, Any]) -> Group:
    """The arms of a rollout and their losses so far, from the registry's document."""
    columns = ("model", "share", "outcomes", "mean loss", "events in common", "loss less the champion's")
    table = Table(*columns, title=_title(stream, rollout), title_justify="left")
    for index, arm in enumerate(rollout["arms"]):
        role = "champion" if index == 0 else "challenger"
        means = [_cell(arm["outcomes"], arm["mean"], ".4g"), _cell(arm["pairs"], arm["difference"], "+.4g")]
        table.add_row(f"{role}, version {arm['version']}", f"{arm['share']:.1%}", *means[0], *means[1])
    return Group(table, _difference_text(rollout), rollout["detail"])


def _cell(cases: int, mean: float, form: str) -> tuple[str, str]:
    return (f"{cases:,}", f"{mean:{form}}") if cases else ("0", "-")


def _title(stream: str, rollout: dict[str, Any]) -> str:
    step = f", step {rollout['step'] + 1} of {rollout['steps']}" if rollout["mode"] == "canary" else ""
    expected = f" of some {rollout['expected']:,} that it will take" if rollout["expected"] else ""
    outcomes = f"{rollout['outcomes']:,} outcomes{expected} since it began"
    return f"{rollout['mode']} on {stream}: {rollout['state']}{step}, {outcomes}"


def _difference_text(rollout: dict[str, Any]) -> str:
    if rollout["low"] is None:
        return "Too few outcomes to compare the models." if rollout["mode"] != "bandit" else ""
    of = "the same events" if rollout["paired"] else "the events that each answered"
    unit = rollout["loss"].replace("_", " ")
    interval = f"{rollout['low']:+.4g} to {rollout['high']:+.4g}"
    tolerated = f"; {rollout['tolerated']:.3g} is tolerated" if rollout["tolerated"] else ""
    return f"The challenger's {unit} less the champion's, on {of}: {interval}{tolerated}"
