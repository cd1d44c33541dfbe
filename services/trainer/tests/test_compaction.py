"""However often a stream is trained, its datasets name few segments, and hold the same outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.artifacts.compaction import newest_to_merge
from penstock.contracts.records.training import Segment
from penstock.trainer.data.outcome_archive import OutcomeArchive
from penstock.trainer.data.parquet_segments import from_parquet

from .conftest import Deployment, declaration, outcomes


def compacted(spans: Iterable[int]) -> tuple[list[int], int]:
    """The spans of what is left after each was archived in turn, and how many outcomes were rewritten."""
    kept: list[int] = []
    rewritten = 0
    for span in spans:
        kept.append(span)
        while count := newest_to_merge(kept):
            rewritten += sum(kept[-count:])
            kept[-count:] = [sum(kept[-count:])]
    return kept, rewritten


@given(st.lists(st.integers(1, 10**6), max_size=400))
def test_segments_stay_few_and_no_outcome_is_lost(spans: list[int]) -> None:
    kept, _ = compacted(spans)
    assert sum(kept) == sum(spans)
    assert len(kept) <= 15 * (2 + sum(spans).bit_length() // 2)


def test_thousands_of_trainings_rewrite_each_outcome_a_few_times() -> None:
    kept, rewritten = compacted([100] * 10_000)
    assert len(kept) <= 60
    assert rewritten <= 4 * 100 * 10_000


async def archived(deployment: Deployment, steps: Iterable[int]) -> tuple[Segment, ...]:
    stream = await deployment.declare(declaration())
    await deployment.give(outcomes(stream.declaration, 200))
    archive = OutcomeArchive(deployment.process.log, "penstock", deployment.store)
    segments: tuple[Segment, ...] = ()
    for until in steps:
        segments = await archive.extend(stream, segments, until)
    return segments


async def test_a_merged_segment_is_the_one_that_would_have_been_archived_at_once(deployment: Deployment) -> None:
    (whole,) = await archived(deployment, [16])
    assert await archived(deployment, range(1, 17)) == (whole,)


@pytest.mark.parametrize("change", [20, 40])
async def test_outcomes_from_before_and_after_a_change_of_fields_are_kept_apart(
    deployment: Deployment, change: int
) -> None:
    segments = await archived(deployment, range(1, change))
    changed = declaration(fields={**declaration().model_dump()["fields"], "sun": {"type": "number"}})
    stream = await deployment.declare(changed, version=2)
    archive = OutcomeArchive(deployment.process.log, "penstock", deployment.store)
    for until in range(change, 200):
        segments = await archive.extend(stream, segments, until)
    tables = [from_parquet(deployment.store.get(segment.digest)) for segment in segments]
    assert [number for table in tables for number in table["offset"].to_pylist()] == list(range(199))
    assert len(segments) < 50
    assert len(list(groupby("field.sun" in table.schema.names for table in tables))) == 2
