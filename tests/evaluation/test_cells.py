"""Cells: how their predictions are scored, where results are stored, and which cells the command line selects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation import cells
from bench.evaluation.__main__ import parser, select_cells
from bench.evaluation.cells import Cell, predictor_names, score_predictions
from bench.evaluation.comparison import compare_stream
from bench.evaluation.references.feature_matrix import FeatureMatrix
from bench.evaluation.streams import Stream
from penstock.console.replay.report.scores import block_size

from .sample_results import IN_TIME, LATE_MODELS


@given(st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=30, max_size=300), st.integers(0, 5))
def test_a_reference_is_scored_as_a_replay_is(labels: list[float], seed: int) -> None:
    if all(np.isnan(labels[3:])):
        labels[-1] = 1.0
    count, answers = len(labels), np.random.default_rng(seed).integers(0, 2, len(labels)).astype(float)
    rows = FeatureMatrix("binary", np.zeros((count, 1)), np.array([False]), np.array(labels))
    result = score_predictions(rows, answers)
    pairs = list(zip(answers, labels, strict=True))
    is_right = [answer == label for answer, label in pairs if not np.isnan(label)]
    is_right_after_warmup = [answer == label for answer, label in pairs[int(0.1 * count) :] if not np.isnan(label)]
    assert result["score"] == pytest.approx(np.mean(is_right_after_warmup))
    assert len(result["progress"]) == -(-count // block_size(count))
    if count <= block_size(count):
        assert result["progress"][0]["score"] == pytest.approx(np.mean(is_right), abs=1e-6)


def test_a_stored_result_counts_only_for_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "CELL_RESULTS", tmp_path / "results")
    file = tmp_path / "some.csv"
    file.write_text("x,y\n" + "".join(f"{n},{'yes' if n % 2 else 'no'}\n" for n in range(60)))
    cell = Cell(Stream("some", file, 0), "last")
    assert cell.load() is None
    cell.run()
    result = cell.load()
    assert result is not None
    assert result["score"] == 0.0
    assert compare_stream(cell.stream, [0], None).references["last known"] == result
    file.write_text(file.read_text() + "1,yes\n")
    assert cell.load() is None


def test_only_batch_trained_predictors_depend_on_the_training_delay() -> None:
    assert Cell(LATE_MODELS, "forest").path == Cell(IN_TIME, "forest").path
    for predictor in ("static", "calendar-46-all-lags", "penstock"):
        assert Cell(LATE_MODELS, predictor).path != Cell(IN_TIME, predictor).path


def test_the_command_line_selects_each_cell_once() -> None:
    arguments = parser().parse_args(["--only", "forest*,penstock", "--seeds", "1,2", "--quick"])
    selected = select_cells([IN_TIME, LATE_MODELS], arguments)
    assert {(cell.predictor, cell.seed) for cell in selected} == {
        ("forest", 0),
        ("forest-lags", 0),
        ("penstock", 1),
        ("penstock", 2),
    }
    assert len(selected) == 2 + 4
    assert {cell.rows for cell in selected} == {3000}
    assert predictor_names(("static",))[-1] == "penstock-static"
    with pytest.raises(ValueError, match="no cell is named forrest"):
        select_cells([IN_TIME], parser().parse_args(["--only", "forrest"]))
    with pytest.raises(ValueError, match="no policy is named never"):
        select_cells([IN_TIME], parser().parse_args(["--policy", "never"]))
