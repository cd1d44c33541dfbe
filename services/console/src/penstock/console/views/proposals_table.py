"""Proposals as a table."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table
from rich.text import Text

from penstock.console.views.ledger_table import gain_text
from penstock.contracts.records.training import Score


def proposals_table(proposals: list[dict[str, Any]]) -> Table:
    """One line for each proposal, as the registry gives them."""
    table = Table("proposal", "stream", "state", "would", Column("evidence", overflow="fold"), "why", box=None)
    for proposal in proposals:
        number, evidence = str(proposal["proposal"]), Text("\n".join(_evidence(proposal["evidence"])))
        why = Text(_why(proposal))
        table.add_row(number, proposal["stream"], proposal["state"], _effect(proposal), evidence, why)
    return table


def _effect(proposal: dict[str, Any]) -> str:
    version, champion = proposal["version"], proposal["champion"]
    match proposal["action"]:
        case "promote":
            return f"promote version {version} over {champion}"
        case "return":
            return f"return from version {champion} to {version}"
        case mode:
            return f"start a rollout of version {version} beside {champion}: {mode}"


def _evidence(evidence: dict[str, Any]) -> list[str]:
    lines = list(evidence["reasons"])
    if evidence["scores"]:
        gain = gain_text(Score.model_validate(evidence["scores"]["gain"]))
        lines.append(f"gain {gain}, baseline {evidence['scores']['baseline']['value']:.4g}")
    return lines + ([f"run {evidence['run']}"] if evidence["run"] else [])


def _why(proposal: dict[str, Any]) -> str:
    """Why it waits; or else by whom it was decided, and why."""
    if proposal["state"] == "waiting":
        return str(proposal["waits"])
    by = f"{proposal['decided_by']}: " if proposal["decided_by"] else ""
    return f"{by}{proposal['reason']}"
