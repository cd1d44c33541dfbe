"""Replays of the electricity file in process: half-hours whose labels come a day late."""

from __future__ import annotations

from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.replay import ReplayOptions, ReplayResult, replay_in_process
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.table.table import Table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.topics import EVENTS, PREDICTIONS

from .conftest import without_measurements

DELAY = 48
ROWS = 900


async def test_two_replays_give_the_same_report(electricity: Table, electricity_declaration: Declaration) -> None:
    options = ReplayOptions(electricity.first(ROWS), electricity_declaration, DELAY)

    async def run() -> ReplayResult:
        return await replay_in_process(options, lambda _: None)

    first, again = await run(), await run()
    assert without_measurements(first.report) == without_measurements(again.report)
    assert (first.report.accepted, first.report.predicted, first.report.labels) == (ROWS, ROWS, ROWS)
    assert first.report.retrains > 0


async def test_a_resumed_replay_sends_no_event_twice(electricity: Table, electricity_declaration: Declaration) -> None:
    half, whole = electricity.first(120), electricity.first(300)
    async with in_process_deployment(electricity_declaration) as deployment:
        for table in (half, whole):
            rows = FileRows(table, electricity_declaration, "replay/test")
            sender = ReplaySender(rows, deployment, deployment.watch)
            sent = await replay_in_stream_time(sender, DELAY, 6, lambda _: None)
        await deployment.watch.read_to_end()
        assert set(deployment.watch.predictions) == set(sent.rows.ids())
        assert deployment.watch.rejections == {}
        for topic in (EVENTS, PREDICTIONS):
            (topic_partition,) = deployment.log.partitions_of(topic.name("penstock", electricity_declaration.name))
            assert len(deployment.log.records_of(topic_partition)) == 300
