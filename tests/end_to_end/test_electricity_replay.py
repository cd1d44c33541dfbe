"""A replay of the electricity file on the real broker scores as the same replay in process."""

from __future__ import annotations

from penstock.console.replay.replay import ReplayOptions, replay_in_process, replay_live
from penstock.console.table.table import Table
from penstock.contracts.declaration.stream import Declaration

from .conftest import Site

ROWS = 2400
DELAY = 48
CHUNK = 24  # rows: fewer pauses than with the default of 6


async def test_both_replays_have_the_same_score(
    site: Site, electricity: Table, electricity_declaration: Declaration
) -> None:
    options = ReplayOptions(electricity.first(ROWS), electricity_declaration, DELAY, CHUNK)
    live = await replay_live(options, site.record, lambda _: None)
    report = live.report
    assert (report.events, report.accepted, report.predicted, report.labels) == (ROWS, ROWS, ROWS, ROWS)
    assert report.failed_requests == 0, live.extra_fields
    assert live.extra_fields["probes"] > 0
    assert len([line for line in report.epochs if line.at_event is not None]) >= 2
    local = (await replay_in_process(options, lambda _: None)).report
    assert report.score is not None
    assert local.score is not None
    assert abs(report.score - local.score) <= 0.01, (live.report.epochs, local.epochs)
