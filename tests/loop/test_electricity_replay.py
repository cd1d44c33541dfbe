"""The electricity file in process: half-hours whose labels come a day late."""

from __future__ import annotations

from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.labelled_rows import FileRows
from penstock.console.replay.replay import ReplayOptions, ReplayResult, replay_in_process
from penstock.console.replay.stream_time import replay_in_stream_time
from penstock.console.table_file import Table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.topics import EVENTS, PREDICTIONS

from .conftest import without_clocks

DELAY = 48
ROWS = 1500


async def test_the_first_rows_twice_give_the_same_report(
    electricity: Table, electricity_declaration: Declaration
) -> None:
    options = ReplayOptions(electricity.first(ROWS), electricity_declaration, DELAY)

    async def run() -> ReplayResult:
        return await replay_in_process(options, lambda _: None)

    first, again = await run(), await run()
    assert without_clocks(first.report) == without_clocks(again.report)
    assert (first.report.accepted, first.report.predicted, first.report.labels) == (ROWS, ROWS, ROWS)
    assert first.report.retrains > 0


async def test_a_replay_that_was_stopped_goes_on_without_doubles(
    electricity: Table, electricity_declaration: Declaration
) -> None:
    half, whole = electricity.first(120), electricity.first(300)
    async with in_process_deployment(electricity_declaration) as deployment:
        for table, skip in ((half, 0), (whole, 120)):
            feed = FileRows(table, electricity_declaration, "replay/test")
            sent = await replay_in_stream_time(feed, deployment, DELAY, 6, lambda _: None, skip=skip)
        await deployment.watch.read_to_end()
        assert set(deployment.watch.predictions) == set(sent.rows.numbers)
        assert deployment.watch.rejections == {}
        for topic in (EVENTS, PREDICTIONS):
            (place,) = deployment.log.partitions_of(topic.name("penstock", electricity_declaration.name))
            assert len(deployment.log.records_of(place)) == 300
