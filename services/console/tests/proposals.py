"""Proposals for small files, and what they say of columns."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.proposal import Choices, Proposal
from penstock.console.init.propose_declaration import NO_CHOICES, propose_declaration
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration


def proposed(
    folder: Path, columns: Mapping[str, Sequence[object]], label: str | None = None, entity: str | None = None
) -> Declaration:
    """The declaration that is proposed for a file with these columns; every proposal must parse."""
    return parse_declaration(declaration_text(proposal_for(folder, columns, Choices(label, entity))))


def proposal_for(folder: Path, columns: Mapping[str, Sequence[object]], choices: Choices = NO_CHOICES) -> Proposal:
    """What is proposed for a file with these columns."""
    file = folder / "2 My rows.csv"
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([columns.keys(), *zip(*columns.values(), strict=True)])
    return propose_declaration(open_table(file), choices)


def notes_of(proposal: Proposal) -> dict[str, str]:
    """The notes of each column."""
    return {column.name: "; ".join(column.notes) for column in proposal.columns}
