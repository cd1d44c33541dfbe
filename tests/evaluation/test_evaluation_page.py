"""The page: every figure is in its column, and a missing one is a dash."""

from __future__ import annotations

import pytest

from bench.evaluation.comparison import COLUMNS, OURS, StreamComparison
from bench.evaluation.evaluation_page import scores_table, synthetic_table
from bench.evaluation.score_plots import plot_data
from bench.evaluation.targets import target_score

from .sample_results import CHANGING, IN_TIME, LATE_MODELS, cell_result


def cells_of(line: str) -> list[str]:
    return [part.strip() for part in line.strip("|").split("|")]


def test_a_missing_figure_is_a_dash() -> None:
    empty = StreamComparison(IN_TIME, {}, [])
    ours = [cell_result(0.79), cell_result(0.77), cell_result(0.80)]
    partial = StreamComparison(IN_TIME, {"static": cell_result(0.7246)}, ours)
    names, _, *lines = map(cells_of, scores_table([empty, partial]))
    empty_row, partial_row = (dict(zip(names, line, strict=True)) for line in lines)
    assert {empty_row[column] for column in (*COLUMNS, f"**{OURS}**", "range")} == {"-"}
    assert (partial_row["static"], partial_row["calendar"], partial_row[f"**{OURS}**"]) == ("0.725", "-", "0.790")
    assert (partial_row["range"], partial_row["to reach"]) == ("0.770 to 0.800", "0.780")


def test_the_target_of_late_models_follows_from_those_in_time() -> None:
    assert (target_score(IN_TIME, None), target_score(LATE_MODELS, None)) == (0.78, None)
    assert target_score(LATE_MODELS, 0.79) == pytest.approx(0.78)
    comparisons = [StreamComparison(IN_TIME, {}, [cell_result(0.79)]), StreamComparison(LATE_MODELS, {}, [])]
    names, _, *lines = map(cells_of, scores_table(comparisons))
    assert dict(zip(names, lines[1], strict=True))["to reach"] == "0.780"


def test_a_synthetic_stream_is_compared_with_the_best_reference() -> None:
    references = {"static": cell_result(0.6), "calendar": cell_result(0.8), "forest, lags": cell_result(0.99)}
    comparisons = [StreamComparison(CHANGING, references, [cell_result(0.79)]), StreamComparison(CHANGING, {}, [])]
    names, _, line, empty_line = map(cells_of, synthetic_table(comparisons))
    row = dict(zip(names, line, strict=True))
    assert (row["best reference"], row["distance"]) == ("0.800", "-1.0")
    assert (row["trainings"], row["recovery, rows"]) == ("3", "0")
    assert set(empty_line[2:]) == {"-"}


def test_a_plot_marks_models_drifts_and_changes() -> None:
    plot = plot_data(StreamComparison(CHANGING, {"static": cell_result(0.6)}, [cell_result(0.7)]))
    assert (plot["models"], plot["drifts"], plot["changes"]) == ([500], [6100], [6000])
    assert list(plot["lines"]) == ["static", OURS]
