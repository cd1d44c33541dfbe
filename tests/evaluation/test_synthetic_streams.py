"""Synthetic streams: the same bytes every time, and a change of the concept at the rows that are stated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.evaluation.entity_streams import TAKEN, TERMINALS
from bench.evaluation.references.feature_matrix import FeatureMatrix, read_feature_matrix
from bench.evaluation.streams import LABEL_DELAYS, Stream, find_streams
from bench.evaluation.synthetic_columns import ROWS, Column, Columns
from bench.evaluation.synthetic_streams import (
    NOISE_SHARE,
    SYNTHETIC_STREAMS,
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
    rows = read_feature_matrix(file)
    assert (declaration.task, declaration.metric) == (rows.task, rows.objective)
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


def matrix_of(folder: Path, name: str) -> FeatureMatrix:
    return read_feature_matrix(write_synthetic_stream(name, folder))


def test_fraud_happens_at_terminals_that_are_taken_over_for_a_month(tmp_path: Path) -> None:
    table = open_table(write_synthetic_stream("terminals", tmp_path))
    frauds = [row for row in table.rows() if str(row[-1]) == "1"]
    assert 0.005 < len(frauds) / ROWS < 0.015
    by_terminal: dict[str, list[datetime]] = {}
    for row in frauds:
        by_terminal.setdefault(str(row[2]), []).append(datetime.fromisoformat(str(row[0])))
    assert TERMINALS / 20 < len(by_terminal) <= TAKEN
    assert all(max(times) - min(times) <= timedelta(days=28) for times in by_terminal.values())


def test_demand_is_mostly_zero_and_growth_is_fivefold(tmp_path: Path) -> None:
    demand = matrix_of(tmp_path, "intermittent-demand").labels
    assert 0.6 < np.mean(demand == 0) < 0.7
    growing = matrix_of(tmp_path, "growth").labels
    assert 3.5 < np.mean(growing[-1000:]) / np.mean(growing[:1000]) < 6.5


def test_classes_appear_when_they_should_and_rare_ones_have_ten_rows(tmp_path: Path) -> None:
    later = matrix_of(tmp_path, "later-classes").labels
    first_rows = [int(np.flatnonzero(later == code)[0]) for code in range(5)]
    assert max(first_rows[:3]) < 20
    assert [first // 100 for first in first_rows[3:]] == [40, 80]
    assert sorted(matrix_of(tmp_path, "rare-classes").class_counts)[:5] == [10] * 5


@pytest.mark.parametrize(("name", "same"), [("rotation", False), ("recurring-rotation", True)])
def test_clusters_turn_at_once_and_back_where_they_recur(tmp_path: Path, name: str, same: bool) -> None:
    rows = matrix_of(tmp_path, name)
    changes = SYNTHETIC_STREAMS[name].change_rows
    spans = [slice(*span) for span in pairwise([0, *changes, ROWS])]
    centres = [rows.features[span][rows.labels[span] == 0, :2].mean(axis=0) for span in spans]
    assert all(np.linalg.norm(after - before) > 2 for before, after in pairwise(centres))
    assert (np.linalg.norm(centres[2] - centres[0]) < 0.3) == same


def test_the_share_of_the_fading_class_falls(tmp_path: Path) -> None:
    rows = matrix_of(tmp_path, "fading-prior")
    rare = rows.labels == rows.class_counts.argmin()
    assert np.mean(rare[:1000]) > 0.4
    assert np.mean(rare[-1000:]) < 0.06


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
    assert [stream.key for stream in find_streams(data, scratch, ["elec2-500", "growth-48"])] == [
        "elec2-500",
        "growth-48",
    ]
    with pytest.raises(ValueError, match="no stream is named readme"):
        find_streams(data, scratch, ["readme"])
