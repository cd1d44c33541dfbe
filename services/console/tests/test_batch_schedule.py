"""Declared batches: one file for each time that the schedule fires, of the events since the time before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.console.batch.batch_schedule import MOST_MISSED, DueBatch, due_batches
from penstock.console.batch.scheduled_batches import RETRY_AFTER, ScheduledBatches
from penstock.console.demo.demo import demo_declaration
from penstock.contracts.declaration.stream import BatchDeclaration, Declaration
from penstock.contracts.records.streams import StreamDeclared, Streams

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def hourly(**changes: Any) -> Declaration:
    return demo_declaration().model_copy(update={"batch": BatchDeclaration(cron="0 * * * *", **changes)})


def write(batch: DueBatch) -> None:
    batch.file.parent.mkdir(exist_ok=True)
    batch.file.touch()


def test_without_a_schedule_nothing_is_due(tmp_path: Path) -> None:
    assert due_batches(demo_declaration(), tmp_path, NOW) == []


def test_the_first_file_is_of_the_newest_firing_and_the_next_goes_on_from_it(tmp_path: Path) -> None:
    (first,) = due_batches(hourly(format="csv"), tmp_path, NOW)
    assert (first.span.start.hour, first.span.stop.hour) == (2, 3)
    assert first.file == tmp_path / "credit-risk" / "2026-05-04T030000Z.csv"
    write(first)
    assert due_batches(hourly(), tmp_path, NOW) == []
    assert due_batches(hourly(), tmp_path, NOW.replace(hour=4, minute=0, second=0))[0].span.start == first.span.stop


@given(st.integers(0, 100))
def test_what_was_missed_is_caught_up_on_without_gap_or_overlap(tmp_path_factory: Any, hours: int) -> None:
    folder = tmp_path_factory.mktemp("batches")
    write(due_batches(hourly(), folder, NOW)[0])
    (folder / "credit-risk" / "2026-05-04T050000Z.parquet.parts").mkdir()
    missed = due_batches(hourly(), folder, NOW + timedelta(hours=hours))
    assert len(missed) == min(hours, MOST_MISSED)
    assert all(one.span.stop == after.span.start for one, after in pairwise(missed))
    if hours:
        assert missed[-1].span.stop == NOW.replace(minute=0, second=0) + timedelta(hours=hours)


async def test_a_batch_that_fails_is_told_and_tried_again_later(tmp_path: Path) -> None:
    streams, now = Streams(), [NOW]
    streams.apply(StreamDeclared(source="t", id="1", time=NOW, version=1, declaration=hourly()))
    batches = ScheduledBatches(streams, "http://127.0.0.1:9", tmp_path, lambda: now[0])
    await batches.write_due()
    facts = batches.health_facts()["batches"]
    assert facts["written"] == {}
    assert "127.0.0.1:9" in facts["failing"]["credit-risk"]
    (due,) = due_batches(hourly(), tmp_path, NOW)
    write(due)
    await batches.write_due()
    assert batches.health_facts()["batches"]["failing"], "it is too early to try again"
    now[0] += RETRY_AFTER
    due.file.unlink()
    streams.apply(StreamDeclared(source="t", id="2", time=NOW, version=2, declaration=demo_declaration()))
    await batches.write_due()
    assert not due.file.exists(), "nothing is declared any more"
