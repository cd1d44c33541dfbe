"""The refused rows of a file as a table of reasons."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table as TextTable

from penstock.console.replay.rows.refusal_counts import RefusedRows
from penstock.console.table.table import Table


def refusals_table(refusals: Iterable[RefusedRows], table: Table) -> TextTable:
    """One line for each reason, the most frequent first."""
    reasons = list(refusals)
    lines = table.lines_of({number for refused in reasons for number in refused.first_rows})
    text_table = TextTable(
        "refused", "reason", "field", "rows", "first lines", "example", title="Refused", title_justify="left"
    )
    for refused in reasons:
        first_lines = ", ".join(str(lines[number]) for number in refused.first_rows)
        text_table.add_row(refused.kind, refused.code, refused.field, f"{refused.rows:,}", first_lines, refused.example)
    return text_table
