"""A replay that was stopped half-way goes on with the same ids, and nothing happens twice."""

from __future__ import annotations

from penstock.console.replay.replay import ReplayOptions, replay_live
from penstock.console.table_file import Table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, OUTCOMES, PREDICTIONS

from .conftest import Site

HALF, WHOLE = 75, 120
DELAY, CHUNK = 10, 20


async def test_a_resumed_replay_sends_what_is_left(
    site: Site, electricity: Table, electricity_declaration: Declaration
) -> None:
    declared = electricity_declaration.model_copy(update={"name": "resumed"})
    half = ReplayOptions(electricity.first(HALF), declared, DELAY, CHUNK)
    first = await replay_live(half, site.record, lambda _: None)
    options = ReplayOptions(electricity.first(WHOLE), declared, DELAY, CHUNK, resume=True)
    done = await replay_live(options, site.record, lambda _: None)
    assert done.stream == first.stream
    assert (first.report.predicted, done.report.predicted, done.report.rejected) == (HALF, WHOLE, 0)
    own = declared.model_copy(update={"name": done.stream})
    stream: StreamDeclared = await site.declare(own)
    sent = [row.id for row in options.rows(own.name).rows()]
    for topic in (EVENTS, PREDICTIONS, OUTCOMES):
        assert sorted(record.id for record, _ in await site.records(topic, stream)) == sorted(sent), topic
