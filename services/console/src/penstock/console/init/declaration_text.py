"""The text of a proposed declaration, with short comments on what was found and on what else can be set."""

from __future__ import annotations

import shlex
from typing import Any

from penstock.console.init.proposal import HistoryKey, Proposal
from penstock.contracts.declaration.stream_file import one_line, write_declaration

OTHER_SETTINGS = {
    "stream": (
        ('slices = ["REGION"]', "also report quality by the values of these fields"),
        ('extra = "keep"', "accept fields that are not declared; usually refused"),
        ('on_gap = "hold"', "wait for a person where the log lost records; usually continue"),
    ),
    "retrain": (
        ("first_after = 500", "outcomes before the first training"),
        ("cooldown = 1000", "outcomes between two trainings"),
        ('cron = "0 3 * * *"', "train on a schedule, too"),
    ),
    "models": (('families = ["linear", "boosting", "additive"]', 'and "forest": what competes'),),
    "drift": (("window = 1000", "events that are compared with the training rows"),),
    "gates": (
        (
            "tolerance = 0.01",
            "by how much a fresher model may be worse, in the metric; usually as docs/stream-toml.md says",
        ),
        ("holdout = 50", "rows that it must show it on"),
    ),
    "promotion": (('mode = "propose"', "no model serves without a person's approval; usually automatic"),),
    "rollout": (('mode = "canary"', "or shadow, ab, bandit; usually at-once"),),
    "retention": (
        ("days = 7", "that records stay on the log"),
        ("gigabytes = 1", "of each topic at most"),
    ),
}
"""Settings worth knowing by table: a line of TOML, and what it does."""


def declaration_text(proposal: Proposal) -> str:
    """The `stream.toml` of a proposal.

    Its comments say what it came from, what was noted of the columns, and what else can be set.
    """
    fields = {column.name: column.field for column in proposal.columns if column.field}
    tables = proposal.document | {"fields": fields}
    written = [_table(title, content, proposal) for title, content in tables.items() if content]
    others = ["# What else can be set:\n"]
    others += ["".join([f"# [{title}]\n", _settings(title)]) for title in OTHER_SETTINGS if title not in tables]
    return "\n".join([_header(proposal), *written, *others])


def _header(proposal: Proposal) -> str:
    options = vars(proposal.choices).items()
    named = [part for name, column in options if column for part in (f"--{name}", column)]
    command = shlex.join(["penstock", "stream", "init", proposal.path.name, *named])
    return (
        f"# Proposed by: {one_line(command)}\n"
        "# Every key is described in docs/stream-toml.md; `penstock stream schema` writes a JSON Schema for editors.\n"
    )


def _table(title: str, content: dict[str, Any], proposal: Proposal) -> str:
    head, *lines = write_declaration({title: content}).splitlines()
    notes = _notes(title, proposal)
    behind = [f"{line}  # {notes[key]}" if key in notes else line for key, line in zip(content, lines, strict=True)]
    costs = _costs(proposal) if title == "objective" else ""
    return "\n".join([head, *behind, ""]) + _settings(title) + costs


def _costs(proposal: Proposal) -> str:
    """How costs are declared, of two classes: in the place of the metric, since a table has each key once."""
    label = proposal.document["label"]
    if "positive" not in label:
        return ""
    other, positive = label["classes"]
    objective = {"metric": "cost", "costs": {positive: {other: 50.0}, other: {positive: 1.0}}}
    metric, costs = write_declaration({"objective": objective}).splitlines()[1:]
    return (
        f"# {metric}  # instead, where wrong answers cost differently, such as a missed {one_line(positive)} 50:\n"
        f"# {costs}\n"
    )


def _notes(title: str, proposal: Proposal) -> dict[str, str]:
    """The comments behind the keys of a table."""
    columns = {column.name: one_line("; ".join(column.notes)) for column in proposal.columns if column.notes}
    if title == "fields":
        return columns
    if title == "history":
        return {"keys": "; ".join(map(key_text, proposal.history_keys))}
    if title == "label":
        name = next(column.name for column in proposal.columns if column.role == "label")
        guess = f"a guess: {proposal.label_reason}" if proposal.label_reason else ""
        found = "; ".join(filter(None, [guess, columns.get(name, "")]))
        return {"name": found} if found else {}
    time = next((columns.get(column.name, "") for column in proposal.columns if column.role == "time"), "")
    return {"column": time} if title == "time" and time else {}


def key_text(key: HistoryKey) -> str:
    """How much a history helps, or why it may.

    >>> key_text(HistoryKey(("shop",), 0.123))
    'known labels of the same shop: 12 % less loss'
    >>> key_text(HistoryKey(("shop", "item"), 0.123))
    'known labels of the same shop and item: 12 % less loss than with both alone'
    >>> key_text(HistoryKey(("shop",), 0.0))
    'known labels of the same shop: may help, too few labels to tell'
    """
    start = f"known labels of the same {' and '.join(map(one_line, key.columns))}"
    if not key.gain:
        return f"{start}: may help, too few labels to tell"
    return f"{start}: {100 * key.gain:.0f} % less loss" + (" than with both alone" if len(key.columns) > 1 else "")


def _settings(title: str) -> str:
    return "".join(f"# {line}  # {meaning}\n" for line, meaning in OTHER_SETTINGS.get(title, ()))
