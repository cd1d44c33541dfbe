"""Synthetic streams: the same bytes every time, and a change of the concept at the rows that are stated."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.evaluation.streams import LABEL_DELAYS, Stream, find_streams
from bench.evaluation.synthetic_streams import (
    NOISE_SHARE,
    ROWS,
    SYNTHETIC_STREAMS,
    Column,
    Columns,
    by_age,
    by_salary_and_age,
    friedman,
    sum_below,
    write_synthetic_stream,
)
from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream_file import parse_declaration

LOW_SUM, HIGHER_SUM = sum_below(8), sum_below(12)
PHASES = {
    "abrupt": (by_age, by_salary_and_age),
    "recurring": (LOW_SUM, HIGHER_SUM, LOW_SUM, HIGHER_SUM),
    "unchanging": (by_salary_and_age,),
}


def columns_of(folder: Path, name: str) -> Columns:
    table = open_table(write_synthetic_stream(name, folder))
    values = np.array(list(table.rows()), dtype=float)
    return dict(zip(table.columns, values.T, strict=True))


def rows_between(columns: Columns, start: int, stop: int) -> Columns:
    return {name: values[start:stop] for name, values in columns.items()}


def agreement(columns: Columns, concept: Callable[[Columns], Column]) -> float:
    return float(np.mean(concept(columns) == columns["label"]))


@pytest.mark.parametrize("name", SYNTHETIC_STREAMS)
def test_a_stream_has_the_same_bytes_every_time_and_can_be_declared(tmp_path: Path, name: str) -> None:
    file = write_synthetic_stream(name, tmp_path)
    first = file.read_bytes()
    assert write_synthetic_stream(name, tmp_path).read_bytes() == first
    declaration = parse_declaration(declaration_text(propose_declaration(open_table(file))))
    assert declaration.label.name == "label"
    assert declaration.task == ("regression" if "regression" in name else "binary")
    assert open_table(file).count() == ROWS


@pytest.mark.parametrize("name", PHASES)
def test_each_phase_follows_its_concept_and_no_other(tmp_path: Path, name: str) -> None:
    columns, concepts = columns_of(tmp_path, name), PHASES[name]
    spans = list(pairwise([0, *SYNTHETIC_STREAMS[name].change_rows, ROWS]))
    assert len(spans) == len(concepts)
    for span, concept in zip(spans, concepts, strict=True):
        rows = rows_between(columns, *span)
        assert agreement(rows, concept) == pytest.approx(1 - NOISE_SHARE, abs=0.015)
        assert all(agreement(rows, other) < 0.8 for other in concepts if other is not concept)


def test_a_gradual_change_has_a_rising_share_of_the_new_concept(tmp_path: Path) -> None:
    columns = columns_of(tmp_path, "gradual")
    shares = [agreement(rows_between(columns, start, start + 1000), by_age) for start in range(0, ROWS, 1000)]
    assert shares[0] < 0.7
    assert shares[-1] > 0.93
    rising = shares[4:9]
    assert all(a < b + 0.03 for a, b in pairwise(rising))
    assert shares[4] < np.mean([shares[0], shares[-1]]) < shares[7]


def test_a_regression_follows_other_columns_after_the_change(tmp_path: Path) -> None:
    columns = columns_of(tmp_path, "abrupt-regression")
    half = ROWS // 2
    for rows, concept, other_concept in (
        (rows_between(columns, 0, half), friedman(0, 1, 2, 3, 4), friedman(5, 3, 0, 1, 6)),
        (rows_between(columns, half, ROWS), friedman(5, 3, 0, 1, 6), friedman(0, 1, 2, 3, 4)),
    ):
        assert np.std(rows["label"] - concept(rows)) == pytest.approx(1.0, abs=0.05)
        assert np.std(rows["label"] - other_concept(rows)) > 3


def test_streams_are_found_by_their_names(tmp_path: Path) -> None:
    data, scratch = tmp_path / "data", tmp_path / "scratch"
    for folder in (data, scratch):
        folder.mkdir()
    for name in ("elec2.csv.gz", "other.csv", "readme.txt"):
        (data / name).write_text("a,y\n1,yes\n")
    streams = find_streams(data, scratch)
    assert [stream.label_delay for stream in streams if stream.name == "elec2" and not stream.training_delay] == [
        *LABEL_DELAYS["elec2"]
    ]
    assert [stream.key for stream in streams if stream.training_delay] == ["elec2-48-late-1000", "elec2-48-late-5000"]
    assert {stream.name for stream in streams} == {"elec2", "other", *SYNTHETIC_STREAMS}
    assert [stream.change_rows for stream in find_streams(None, scratch, ["recurring"])] == [(3000, 6000, 9000)]
    assert find_streams(data, scratch, ["other"]) == [Stream("other", data / "other.csv", 48)]
    with pytest.raises(ValueError, match="no stream is named readme"):
        find_streams(data, scratch, ["readme"])
