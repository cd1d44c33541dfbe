"""Segments are known by their digest, so the same outcomes must be the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.outcome_order import EXPIRED, counts
from penstock.contracts.records.outcomes import Outcome
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.parquet_segments import (
    FIELD,
    ROW_GROUP,
    SegmentWriter,
    StoredSegment,
    from_parquet,
    labelled_rows,
    outcome_table,
    schema_of,
    to_parquet,
)

from .conftest import declaration, outcomes

STREAM = declaration()
FOUND = outcomes(STREAM, 120)


def table(found: list[Outcome[Any]], first: int = 0, stream: Declaration = STREAM) -> Any:
    return outcome_table(stream, range(first, first + len(found)), found)


@given(st.sets(st.integers(1, 119), max_size=6))
@settings(max_examples=20)
def test_the_bytes_do_not_depend_on_how_rows_were_read(cuts: set[int]) -> None:
    borders = [0, *sorted(cuts), 120]
    parts = [table(FOUND[a:b], a) for a, b in pairwise(borders)]
    assert to_parquet(STREAM, parts) == to_parquet(STREAM, [table(FOUND)])


def test_a_segment_holds_fields_prediction_and_label() -> None:
    (row,) = from_parquet(to_parquet(STREAM, [table(FOUND[1:2], 7)])).to_pylist()
    said = FOUND[1]
    assert (row["offset"], row["source"], row["id"]) == (7, "producer", "e1")
    assert (row["time"], row["label_time"]) == (said.time, said.data.label_time)
    assert (row["label"], row["served"]) == (said.data.label, "no")
    assert (row[FIELD + "load"], row[FIELD + "region"]) == (said.data.fields.f0, said.data.fields.f2)


def test_what_is_missing_stays_missing() -> None:
    rows = rows_of(STREAM, [from_parquet(to_parquet(STREAM, [table(FOUND[:1])]))])
    assert rows.frame.columns["load"].tolist() != rows.frame.columns["load"].tolist(), "NaN"


def test_rows_are_in_the_order_of_event_time_whatever_the_labels_order_was() -> None:
    rows = rows_of(STREAM, [table(FOUND[60:]), table(FOUND[:60], 60)])
    assert rows.frame.columns["id"].tolist() == [float(number) for number in range(120)]


def test_outcomes_of_another_task_are_left_out() -> None:
    regression = declaration(task="regression", label={"name": "price"})
    assert len(table(FOUND, stream=regression)) == 0


def test_nothing_at_all_is_a_segment_too() -> None:
    assert len(rows_of(STREAM, [from_parquet(to_parquet(STREAM, []))])) == 0


@given(st.permutations(range(4)), st.integers(0, 3))
def test_the_highest_revision_stands_wherever_it_lies(order: list[int], answer: int) -> None:
    def revised(revision: int) -> Outcome[Any]:
        label = "yes" if revision == answer else "no"
        return msgspec.structs.replace(
            FOUND[0], data=msgspec.structs.replace(FOUND[0].data, revision=revision, label=label)
        )

    rows = rows_of(STREAM, [table([revised(revision) for revision in order])])
    assert rows.labels == ["yes" if answer == 3 else "no"]


def outcome_of(event: int, revision: int, label: str) -> Outcome[Any]:
    first, is_expired = FOUND[event], revision == EXPIRED
    data = msgspec.structs.replace(
        first.data,
        status="expired" if is_expired else "joined",
        label=None if is_expired else label,
        label_time=None if is_expired else first.data.label_time,
        revision=0 if is_expired else revision,
    )
    return msgspec.structs.replace(first, data=data)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(EXPIRED, 2), st.sampled_from(["yes", "no"])), max_size=12),
    st.sets(st.integers(1, 11), max_size=3),
)
@settings(max_examples=200)
def test_outcomes_count_as_the_one_rule_says_whatever_segment_they_are_in(
    history: list[tuple[int, int, str]], cuts: set[int]
) -> None:
    newest: dict[int, tuple[int, int]] = {}  # revision and offset
    for offset, (event, revision, _) in enumerate(history):
        if counts(revision, newest[event][0] if event in newest else None):
            newest[event] = revision, offset
    borders = [0, *sorted(cut for cut in cuts if cut < len(history)), len(history)]
    parts = [table([outcome_of(*said) for said in history[a:b]], a) for a, b in pairwise(borders)]
    rows = rows_of(STREAM, [from_parquet(to_parquet(STREAM, [part])) for part in parts])
    assert set(rows.offsets.tolist()) == {offset for revision, offset in newest.values() if revision != EXPIRED}


def test_of_an_expired_outcome_a_segment_holds_who_it_is_about() -> None:
    found = table([outcome_of(0, EXPIRED, ""), outcome_of(1, 0, "yes")], 5)
    (row, labelled) = from_parquet(to_parquet(STREAM, [found])).to_pylist()
    assert (row["offset"], row["source"], row["id"], row["revision"]) == (5, "producer", "e0", EXPIRED)
    present = {name for name, value in row.items() if value is not None}
    assert present <= {"offset", "source", "id", "entity", "revision"}
    assert (labelled["offset"], labelled_rows(found)) == (6, 1)


def test_rows_beyond_a_group_wait_for_no_more_than_the_rest_of_their_group() -> None:
    block = table(FOUND)
    many = pa.concat_tables([block] * (2 * ROW_GROUP // len(block) + 1))
    with closing(SegmentWriter(schema_of(STREAM))) as writer:
        for start in range(0, len(many), 5000):
            writer.write(many.slice(start, 5000))
            assert writer.waiting < ROW_GROUP
        content = writer.finish().read_bytes()
    assert content == to_parquet(STREAM, [many])
    assert [len(group) for group in StoredSegment(content).blocks()] == [ROW_GROUP, ROW_GROUP, len(many) % ROW_GROUP]


class AskedSegment(StoredSegment):
    """A segment that notes how many columns it is asked for at once."""

    most = 0

    def select(self, columns: Sequence[str]) -> pa.Table:
        self.most = max(self.most, len(columns))
        return super().select(columns)


def test_training_rows_are_read_one_column_after_the_other() -> None:
    segment = AskedSegment(to_parquet(STREAM, [table(FOUND)]))
    assert rows_of(STREAM, [segment]).labels == rows_of(STREAM, [table(FOUND)]).labels
    assert segment.most == 1
