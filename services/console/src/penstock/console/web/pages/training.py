"""The trainings of a stream: the ledger, what the trigger is waiting for, and proposals that wait for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.console.report_page.numbers import number_text
from penstock.console.views.ledger_table import gain_text, paused_text
from penstock.console.web.actions.proposal_actions import effect_text, evidence_of
from penstock.console.web.charts.chart import Chart, Table
from penstock.console.web.registry_reader import RegistryFailure
from penstock.console.web.sources import Sources
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.streams import StreamDeclared
from penstock.retrain_trigger.ledger import LedgerEntry, ledger_entries
from penstock.retrain_trigger.pauses import pause_times

SHOWN_ENTRIES = 100


@dataclass(frozen=True)
class TrainingPage:
    """The newest entries of the ledger first, the stream's pauses, and the version that came of each training.

    Of the proposals that wait, by number, `effects` say what approving does, `evidence` what they rest on.
    """

    declared: StreamDeclared
    entries: Sequence[LedgerEntry]
    pauses: Sequence[str]
    versions: Mapping[int, int]
    chart: Chart | None
    decision: Decision | None
    proposals: Sequence[dict[str, Any]]
    effects: Mapping[int, str]
    evidence: Mapping[int, Sequence[str]]
    failure: str


async def read_training(sources: Sources, name: str) -> TrainingPage:
    """The page of a stream's trainings.

    Raises:
        PageMissing: no stream of that name is declared.
    """
    declared, history = sources.stream(name)
    entries = ledger_entries(history.training)[-SHOWN_ENTRIES:]
    fences = {request.id: request.fence for request in history.training.requests.values()}
    versions = {
        fences[epoch.champion.run]: epoch.champion.version
        for epoch in history.epochs.values()
        if epoch.champion.run in fences
    }
    proposals, failure = await _proposals(sources, name)
    return TrainingPage(
        declared=declared,
        entries=list(reversed(entries)),
        pauses=[paused_text(pause) for pause in reversed(pause_times(history.training))],
        versions=versions,
        chart=gain_chart(entries),
        decision=history.training.newest_decision,
        proposals=proposals,
        effects={proposal["proposal"]: effect_text(proposal) for proposal in proposals},
        evidence={proposal["proposal"]: evidence_of(proposal) for proposal in proposals},
        failure=failure,
    )


async def _proposals(sources: Sources, name: str) -> tuple[Sequence[dict[str, Any]], str]:
    try:
        document = await sources.registry.get(f"proposals?stream={name}")
    except RegistryFailure as failure:
        return (), str(failure)
    return [each for each in document["proposals"] if each["state"] == "waiting"], ""


def gain_chart(entries: Sequence[LedgerEntry]) -> Chart | None:
    """The gain of each training on its holdout, with the interval; None before the first."""
    known = [entry for entry in entries if entry.gain is not None]
    if not known:
        return None
    metric = "accuracy" if known[-1].metric == "accuracy" else "mean absolute error"
    return Chart(
        name="gains",
        title=f"Gain of each training on its holdout, in {metric}",
        summary=f"{len(known)} trainings, {sum(entry.promoted for entry in known)} of them promoted",
        traces=[
            _gains("promoted", [entry for entry in known if entry.promoted], "@good", "circle"),
            _gains("kept back", [entry for entry in known if not entry.promoted], "@muted", "circle-open"),
        ],
        layout={
            "xaxis": {"title": {"text": "training"}, "dtick": 1 if len(known) < 20 else None},
            "yaxis": {"title": {"text": "better than the champion by"}, "zeroline": True},
        },
        table=Table(
            ("training", "why", "gain", "came of it"),
            [
                (str(entry.fence), entry.reason, gain_text(entry.gain), "promoted" if entry.promoted else "kept back")
                for entry in reversed(known)
            ],
        ),
        height=260,
    )


def _gains(name: str, entries: Sequence[LedgerEntry], colour: str, symbol: str) -> dict[str, Any]:
    gains = [entry.gain for entry in entries if entry.gain is not None]
    return {
        "name": name,
        "x": [entry.fence for entry in entries],
        "y": [gain.value for gain in gains],
        "mode": "markers",
        "marker": {"color": colour, "size": 9, "symbol": symbol},
        "error_y": {
            "type": "data", "symmetric": False, "color": colour, "thickness": 1,
            "array": [0 if gain.high is None else gain.high - gain.value for gain in gains],
            "arrayminus": [0 if gain.low is None else gain.value - gain.low for gain in gains],
        },
        "text": [f"{entry.reason}: {number_text(entry.rows)} rows, {entry.seconds:.1f} s of CPU" for entry in entries],
        "hovertemplate": "training %{x}: %{y:+.4g}<br>%{text}<extra></extra>",
    }  # fmt: skip
