"""What is left, one record, and a tally, for people."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.table import Column, Table
from rich.text import Text

from penstock.console.repair.assessed_pages import Tally
from penstock.console.repair.assessment import Assessment
from penstock.console.repair.inspection import Inspection
from penstock.console.repair.journal import RuleInForce
from penstock.console.repair.overview import Overview
from penstock.console.views.printable_text import printable, readable
from penstock.console.views.repair_documents import detail_of, time_text

LONGEST_CELL = 120  # characters


def counts_table(overviews: list[Overview]) -> Table:
    """A line for each reason of each stream."""
    table = Table("stream", "code", "field", "left", _time_column("first"), _time_column("last"))
    for overview in overviews:
        for (code, field), count in overview.by_count():
            times = time_text(count.first), time_text(count.last)
            table.add_row(overview.stream, code, _cell(field), f"{count.count:,}", *times)
    return table


def page_table(overview: Overview) -> Table:
    """A line for each record of the page."""
    table = Table("at", _time_column("time"), "code", "field", "kind", "id", "detail")
    for defect in overview.page:
        texts = (defect.code, defect.field or "", defect.kind, defect.id, defect.detail)
        table.add_row(str(defect.place), time_text(defect.time), *map(_cell, texts))
    return table


def rule_line(in_force: RuleInForce) -> str:
    """A rule that is in force."""
    rule = json.dumps(in_force.rule.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
    why = f" ({in_force.reason})" if in_force.reason else ""
    return printable(f"rule {in_force.number} by {in_force.by}{why}: {rule}", 500)


def inspection_lines(inspection: Inspection) -> Iterator[str]:
    """One record: where it is, what is wrong, its text, and what a release would do."""
    assessment = inspection.assessment
    defect = assessment.defect
    about = f", field {defect.field}" if defect.field else ""
    yield printable(f"at {defect.place}, {time_text(defect.time)}, from {defect.topic}: {defect.code}{about}")
    yield printable(f"{defect.kind} {defect.id}: {defect.detail}" if defect.id else defect.detail)
    yield f"\nas it is ({len(defect.original or b''):,} bytes):\n{printable(readable(defect.original))}"
    if assessment.is_edited:
        yield f"\nas the rules make it:\n{printable(readable(assessment.value))}"
    yield "\nit was released or dropped" if inspection.is_done else f"\n{fate_text(assessment)}"


def fate_text(assessment: Assessment) -> str:
    """What a release would do with the record."""
    if assessment.fate == "passes":
        return "it would be released"
    if assessment.fate == "duplicate" or assessment.reason is None:
        return "an equal record is accepted already: a release would send nothing"
    code, field, detail = assessment.reason
    return printable(f"it would be refused: {code}{f', field {field}' if field else ''}: {detail}")


def tally_table(tally: Tally) -> Table:
    """A line for each reason of those that do not pass."""
    table = Table("refused", "code", "field", "first at", "detail")
    for reason, count in tally.refused.most_common():
        code, field = reason
        place = str(tally.examples[reason].defect.place)
        table.add_row(f"{count:,}", code, _cell(field), place, _cell(detail_of(tally, reason)))
    return table


def _time_column(name: str) -> Column:
    return Column(name, no_wrap=True)


def _cell(text: str) -> Text:
    return Text(printable(text.replace("\n", " "), LONGEST_CELL))
