"""Which archived outcomes a training reads: the newest, however they are spread over segments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from penstock.artifacts import MemoryStore
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Segment
from penstock.trainer.data.archived_rows import archived_rows
from penstock.trainer.data.dataset import TrainingRows, rows_of
from penstock.trainer.data.newest_outcomes import NewestOutcomes
from penstock.trainer.data.parquet_segments import labelled_rows, outcome_table, to_parquet

from .conftest import Deployment, declaration, outcomes, request

FOUND = outcomes(declaration(), 60)


class ReadStore(MemoryStore):
    """A store that knows what was read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def get(self, digest: str) -> bytes:
        self.reads.append(digest)
        return super().get(digest)


def stream(most: int) -> Declaration:
    """A stream whose trainings read so many rows, also fewer than may be declared."""
    declared = declaration()
    return declared.model_copy(update={"models": declared.models.model_copy(update={"most_rows": most})})


def outcome_of(number: int, kind: str) -> Any:
    found = FOUND[number]
    if kind == "expired":
        return replace(found, data=replace(found.data, label=None, status="expired"))
    return (
        replace(found, data=replace(found.data, prediction=UNSET, status="imported")) if kind == "imported" else found
    )


def archive(store: MemoryStore, kinds: Sequence[str], borders: Sequence[int]) -> list[Segment]:
    """Outcomes of these kinds at offsets 0, 1, …, in segments that begin and end at the borders."""
    found = [outcome_of(number, kind) for number, kind in enumerate(kinds)]
    segments = []
    for start, stop in pairwise(borders):
        table = outcome_table(declaration(), range(start, stop), found[start:stop])
        digest = store.put(to_parquet(declaration(), [table]))
        segments.append(Segment(start=start, stop=stop, rows=labelled_rows(table), digest=digest))
    return segments


def times(rows: TrainingRows) -> list[Any]:
    return rows.frame.times.tolist()


@given(
    st.lists(st.sampled_from(["joined", "joined", "expired", "imported"]), min_size=1, max_size=60),
    st.sets(st.integers(1, 59), max_size=6),
    st.integers(1, 40),
)
@settings(max_examples=50)
def test_the_newest_are_read_and_history_is_older_than_what_was_predicted(
    kinds: list[str], cuts: set[int], most: int
) -> None:
    store = MemoryStore()
    borders = [0, *sorted(cut for cut in cuts if cut < len(kinds)), len(kinds)]
    rows = archived_rows(stream(most), archive(store, kinds, borders), store)
    by_age = [number for kind in ("imported", "joined") for number, one in enumerate(kinds) if one == kind]
    newest = sorted(by_age[-most:])
    assert times(rows) == [np.datetime64(FOUND[number].time.replace(tzinfo=None), "ms").item() for number in newest]


def test_segments_with_older_outcomes_alone_are_not_read() -> None:
    store = ReadStore()
    segments = archive(store, ["joined"] * 60, [0, 20, 40, 50, 60])
    rows = archived_rows(stream(15), segments, store)
    assert store.reads == [segments[3].digest, segments[2].digest]
    assert (len(rows), rows.first_offset) == (15, 45)


def test_of_no_more_rows_than_may_be_read_everything_is_as_it_was() -> None:
    store, kinds = MemoryStore(), ["imported", "expired", *["joined"] * 58]
    rows = archived_rows(stream(59), archive(store, kinds, [0, 30, 60]), store)
    found = [outcome_of(number, kind) for number, kind in enumerate(kinds)]
    everything = rows_of(declaration(), [outcome_table(declaration(), range(60), found)])
    assert times(rows) == times(everything)
    assert rows.offsets.tolist() == everything.offsets.tolist()
    assert rows.first_offset == 0


def test_what_is_kept_is_bounded_however_many_blocks_there_are() -> None:
    newest, taken = NewestOutcomes(5), []

    def blocks() -> Any:
        for last in range(100, 0, -3):
            taken.append(last)
            yield np.arange(last - 3, last), np.arange(0)

    newest.add(blocks())
    assert taken == [100, 97]
    assert newest.first_offsets().predicted == 95


async def test_a_run_says_how_many_rows_it_learnt_and_from_which_outcome_on(deployment: Deployment) -> None:
    declared = await deployment.declare(declaration(models={"families": ["linear"], "most_rows": 1000}))
    await deployment.start()
    await deployment.give(outcomes(declared.declaration, 1300))
    run = (await deployment.ask(request(until=1300)))[-1]
    assert run.dataset is not None
    assert (run.dataset.rows, run.learnt_from) == (1000, 300)
    assert sum(segment.rows for segment in run.dataset.segments) == 1300, "the next training extends the whole archive"


@pytest.mark.parametrize("first", [0, 5])
def test_a_row_group_is_read_in_part(first: int) -> None:
    store = MemoryStore()
    rows = archived_rows(stream(60 - first), archive(store, ["joined"] * 60, [0, 60]), store)
    assert rows.offsets.tolist() == list(range(first, 60))
