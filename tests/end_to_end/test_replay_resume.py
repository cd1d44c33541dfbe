"""A replay that was stopped half-way is resumed with the same ids, and nothing is duplicated."""

from __future__ import annotations

from penstock.console.replay.replay import ReplayOptions, replay_live
from penstock.console.table.table import Table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, OUTCOMES, PREDICTIONS

from .conftest import Site

HALF, WHOLE = 75, 120
DELAY, CHUNK = 10, 20


async def test_a_resumed_replay_sends_the_remaining_rows(
    site: Site, electricity: Table, electricity_declaration: Declaration
) -> None:
    declared = electricity_declaration.model_copy(update={"name": "resumed"})
    first_options = ReplayOptions(electricity.first(HALF), declared, DELAY, CHUNK)
    first = await replay_live(first_options, site.record, lambda _: None)
    options = ReplayOptions(electricity.first(WHOLE), declared, DELAY, CHUNK, resume=True)
    second = await replay_live(options, site.record, lambda _: None)
    assert second.stream == first.stream
    assert (first.report.predicted, second.report.predicted, second.report.rejected) == (HALF, WHOLE, 0)
    run_declaration = declared.model_copy(update={"name": second.stream})
    stream: StreamDeclared = await site.declare(run_declaration)
    sent_ids = [row.id for row in options.rows(run_declaration.name).rows()]
    for topic in (EVENTS, PREDICTIONS, OUTCOMES):
        assert sorted(record.id for record, _ in await site.records(topic, stream)) == sorted(sent_ids), topic
