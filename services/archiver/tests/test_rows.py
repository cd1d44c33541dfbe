"""The columns of each topic, and the bytes of a file."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.archiver.archive_files import ARCHIVED
from penstock.archiver.handlers import rows_of
from penstock.archiver.parquet_rows import merge, to_parquet
from penstock.archiver.partition_archive import PartitionArchive
from penstock.archiver.range_reader import RowRange
from penstock.contracts.topics import DECISIONS, OUTCOMES, PREDICTIONS, REJECTED, STREAM_DEAD_LETTERS, Topic

from .site import NOW, FaultyFiles, declared, example, prediction

STREAM = declared(example("stream-declared"))


class Raw(NamedTuple):
    offset: int
    value: bytes | None
    timestamp: int = NOW
    key: bytes | None = None
    headers: tuple[()] = ()


def row(topic: Topic[Any], document: dict[str, Any]) -> dict[str, Any]:
    (found,) = rows_of(topic, STREAM, 3, [Raw(7, json.dumps(document).encode())]).to_pylist()
    common = {"partition": 3, "offset": 7, "appended": datetime(2026, 1, 1, tzinfo=UTC)}
    assert found.items() >= common.items()
    return {name: value for name, value in found.items() if name not in common}


def changed(kind: str, **data: Any) -> dict[str, Any]:
    document = example(kind)
    return document | {"data": document["data"] | data}


def test_a_prediction_says_what_answered() -> None:
    found = row(
        PREDICTIONS, changed("prediction", shadow=[{"version": 4, "value": "no"}], known=[1.5, None], learnt_to=9)
    )
    assert found["value"] == "yes"
    assert (found["id"], found["source"], found["entity"]) == ("9b1c", "shop/eu", "c-81")
    assert (found["epoch"], found["version"], found["arm"], found["digest"][:7]) == (4, 3, "champion", "sha256:")
    assert (found["number"], found["probabilities"], found["lag_features"]) == (None, [0.12, 0.88], [1.5, None])
    assert (found["learnt_to"], found["experts"], json.loads(found["shadow"])[0]["value"]) == (9, None, "no")
    assert found["time"] == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_number_is_text_and_number() -> None:
    found = row(PREDICTIONS, changed("prediction", value=0.1, probabilities=None))
    assert (found["value"], found["number"], found["probabilities"]) == ("0.1", 0.1, None)


def test_an_outcome_has_the_declared_fields_the_label_and_what_was_answered() -> None:
    found = row(OUTCOMES, example("outcome"))
    assert {name: found[name] for name in found if name.startswith("field.")} == {
        "field.customer": "c-81",
        "field.amount": 1200.5,
        "field.purpose": "car",
    }
    assert (found["status"], found["label"], found["value"], found["version"]) == ("joined", "yes", "yes", 3)
    assert found["label_time"] == datetime(2026, 2, 20, 9, tzinfo=UTC)


def test_imported_history_has_no_answer() -> None:
    document = changed("outcome", status="imported")
    del document["data"]["prediction"]
    found = row(OUTCOMES, document)
    assert (found["label"], found["value"], found["version"], found["arm"]) == ("yes", None, None, None)


def test_a_rejection_has_the_bytes_that_were_refused() -> None:
    data = example("rejected")["data"]
    found = row(REJECTED, example("rejected"))
    assert (found["code"], found["record"], found["kind"]) == (data["code"], data["id"], data["kind"])
    assert found["original"] == base64.b64decode(data["original"])


def test_a_decision_is_flat_with_its_arguments_as_json() -> None:
    document = example("decision")
    found = row(DECISIONS, document)
    assert (found["stream"], found["verdict"]) == (document["data"]["stream"], document["data"]["verdict"])
    assert json.loads(found["arguments"]) == document["data"]["arguments"]


def test_a_dead_letter_names_the_record() -> None:
    data = example("dead-letter")["data"]
    found = row(STREAM_DEAD_LETTERS, example("dead-letter"))
    named = (found["topic"], found["record_partition"], found["record_offset"], found["service"])
    assert named == (data["topic"], data["partition"], data["offset"], data["consumer"])


@pytest.mark.parametrize("topic", ARCHIVED, ids=repr)
def test_a_record_that_cannot_be_read_is_a_row_of_its_place_alone(topic: Topic[Any]) -> None:
    found = rows_of(topic, STREAM, 3, [Raw(7, b"{"), Raw(8, None)]).to_pylist()
    assert [row["offset"] for row in found] == [7, 8]
    assert {value for row in found for name, value in row.items() if row["offset"] == 7} >= {None, 3, 7}


def rows(numbers: range, entities: list[str]) -> pa.Table:
    raw = [Raw(number, prediction(number, entities[number % len(entities)])) for number in numbers]
    return rows_of(PREDICTIONS, STREAM, 0, raw)


@given(st.lists(st.integers(1, 99), max_size=8), st.lists(st.text(min_size=1), min_size=1, max_size=9))
def test_equal_rows_give_equal_bytes_sorted_by_entity_however_they_were_polled_or_merged(
    cuts: list[int], entities: list[str]
) -> None:
    edges = [0, *sorted(set(cuts)), 100]
    parts = [rows(range(first, last), entities) for first, last in pairwise(edges)]
    whole = to_parquet([rows(range(100), entities)])
    assert to_parquet(parts) == whole
    assert merge([to_parquet([part]) for part in parts]) == [(range(len(parts)), whole)]
    table = pq.read_table(pa.BufferReader(whole))
    keys = list(zip(table["entity"].to_pylist(), table["offset"].to_pylist(), strict=True))
    assert keys == sorted(keys, key=lambda key: (key[0].encode(), key[1]))


def test_files_from_before_and_after_a_change_of_fields_are_not_merged_with_each_other() -> None:
    plain = rows(range(2), ["a"])
    more = plain.append_column("field.sun", pa.array([1.0, 2.0]))
    contents = [to_parquet([table]) for table in (plain, plain, more, more, more)]
    assert [indexes for indexes, _ in merge(contents)] == [range(2), range(2, 5)]


def test_bytes_that_changed_on_the_disk_are_not_merged() -> None:
    content = to_parquet([rows(range(2000), ["a", "b"])])
    spoilt = bytearray(content)
    spoilt[len(content) // 3] ^= 1
    with pytest.raises((ValueError, OSError)):
        merge([content, bytes(spoilt)])


def test_what_another_member_has_archived_meanwhile_is_not_written_again() -> None:
    store = FaultyFiles()
    archive = PartitionArchive(store, "prediction-log/penstock/loans/predictions/0")
    assert archive.put(RowRange(0, 5, [rows(range(5), ["a"])]))
    assert not archive.put(RowRange(0, 9, [rows(range(9), ["a"])]))
    assert not archive.put(RowRange(4, 9, [rows(range(4, 9), ["a"])]))
    assert archive.put(RowRange(5, 9, [rows(range(5, 9), ["a"])]))
    assert len(store.sizes("prediction-log")) == 2
