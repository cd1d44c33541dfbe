"""What `stream init` proposes: a table of columns, and the facts of the stream in a few lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from penstock.console.init.declaration_text import key_text
from penstock.console.init.proposal import ColumnProposal, Proposal
from penstock.console.replay.report.metric_names import METRIC_NAMES

MOST_SHOWN = 60  # columns
LONGEST_NAME = 20
FIRST_TRAINING = 500  # outcomes


def proposal_table(proposal: Proposal, output: Path) -> Group:
    """The columns, the stream's facts, and the next two commands; `output` is where the declaration is."""
    return Group(_columns_table(proposal.columns), *_more_columns(proposal.columns), "", _facts_table(proposal, output))


def _columns_table(columns: Sequence[ColumnProposal]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("column", max_width=LONGEST_NAME, no_wrap=True, overflow="ellipsis")
    for title in ("role", "type"):
        table.add_column(title, no_wrap=True)
    for title in ("missing", "distinct"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("note", overflow="fold")
    for column in _shown(columns):
        distinct = f"{column.distinct:,}{'+' if column.capped else ''}"
        cells = (column.name, column.role, column.type, _percent(column.missing), distinct, "; ".join(column.notes))
        table.add_row(*map(Text, cells))
    return table


def _shown(columns: Sequence[ColumnProposal]) -> Sequence[ColumnProposal]:
    """All columns; of very many the ones with another role than a field, and those with notes, first."""
    if len(columns) <= MOST_SHOWN:
        return columns
    ranked = sorted(columns, key=lambda column: (column.role in ("field", "left out"), not column.notes))
    chosen = {column.name for column in ranked[:MOST_SHOWN]}
    return [column for column in columns if column.name in chosen]


def _more_columns(columns: Sequence[ColumnProposal]) -> Iterator[str]:
    if len(columns) > MOST_SHOWN:
        yield f"and {len(columns) - MOST_SHOWN:,} more columns: see the declaration"


def _facts_table(proposal: Proposal, output: Path) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _facts(proposal, output):
        table.add_row(Text(name, style="bold"), Text(text))
    return table


def _facts(proposal: Proposal, output: Path) -> Iterator[tuple[str, str]]:
    stream, label = proposal.document["stream"], proposal.document["label"]
    guess = f" (a guess: {proposal.label_reason}; --label names another)" if proposal.label_reason else ""
    yield "label", f"{label['name']}{guess}"
    positive = f"; positive class, the rarer one: {proposal.positive}" if proposal.positive else ""
    yield "task", stream["task"] + positive
    yield "objective", _objective(proposal.document["objective"]["metric"])
    yield "entity", stream.get("entity", "none; --entity names the column that says what an event is about")
    yield "time", _time(proposal)
    yield "lags", _lags(proposal)
    for key in proposal.history_keys:
        yield "history", f"{key_text(key)} in the first tenth, so it is a key of [history]"
    if proposal.rows < FIRST_TRAINING:
        yield "rows", f"{proposal.rows:,}, too few to train on: a first model needs {FIRST_TRAINING} outcomes"
    fields = sum(bool(column.field) for column in proposal.columns)
    yield "written", f"{output}: stream {stream['name']}, {fields:,} {'field' if fields == 1 else 'fields'}"


def _objective(metric: str) -> str:
    others = "rmse, pinball or rmsle" if metric == "mae" else "accuracy, f1, roc_auc and others"
    return f"{METRIC_NAMES[metric]}: models are chosen by it; docs/stream-toml.md names {others}"


def _time(proposal: Proposal) -> str:
    time = proposal.document["time"]
    return f"{time['column']}, in {time['zone']}" if time else "none; rows are taken to be a minute apart"


def _lags(proposal: Proposal) -> str:
    lags = proposal.document["lags"]
    if not lags:
        return "none; earlier labels tell little of the next one"
    back = [f"labels {', '.join(map(str, lags['label']))} back"] if "label" in lags else []
    of = f" of the same {proposal.choices.entity}" if proposal.choices.entity else ""
    return " and ".join([*back, f"the mean of {lags['mean']}"]) + of


def next_commands(file: Path, output: Path) -> Sequence[str]:
    """What to run next: a replay of the file, and the stream on a deployment."""
    declaration = shlex.quote(str(output))
    return (
        f"penstock replay {shlex.quote(str(file))} --stream {declaration} --in-process",
        f"penstock up && penstock stream apply {declaration}",
    )


def _percent(share: float) -> str:
    """A share in whole percent; what is there is not 0 %, and not 100 % where something lacks.

    >>> _percent(0.0), _percent(0.0004), _percent(0.25), _percent(0.9999)
    ('', '<1 %', '25 %', '>99 %')
    """
    if share in (0, 1):
        return "100 %" if share else ""
    if not 0.005 <= share < 0.995:
        return "<1 %" if share < 0.5 else ">99 %"
    return f"{100 * share:.0f} %"


def proposal_document(proposal: Proposal, output: Path) -> dict[str, Any]:
    """What was guessed, as a JSON document; the declaration itself is in `output`."""
    return {
        "output": str(output),
        "rows": proposal.rows,
        "columns": [asdict(column) for column in proposal.columns],
        "label_reason": proposal.label_reason,
        "history_keys": [asdict(key) for key in proposal.history_keys],
    }
