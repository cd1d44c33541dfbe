"""The page: every figure is in its column, and a missing one is a dash."""

from __future__ import annotations

import pytest

from bench.evaluation.comparison import COLUMNS, OURS, StreamComparison
from bench.evaluation.evaluation_page import (
    effort_table,
    objective_table,
    retraining_table,
    scores_table,
    synthetic_table,
)
from bench.evaluation.score_plots import plot_data
from bench.evaluation.targets import target_score

from .sample_results import CHANGING, IN_TIME, LATE_MODELS, cell_result

EMPTY = StreamComparison(IN_TIME, {}, [], {})


def rows_of(lines: list[str]) -> list[dict[str, str]]:
    """The cells of a table by column."""
    names, _, *rows = ([part.strip() for part in line.strip("|").split("|")] for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.parametrize("make_table", [objective_table, scores_table, retraining_table, effort_table])
def test_a_missing_figure_is_a_dash(make_table) -> None:  # type: ignore[no-untyped-def]
    (row,) = rows_of(make_table([EMPTY]))
    assert row.pop("stream") == "elec2"
    assert row.pop("delay") == "48"
    assert {name for name, cell in row.items() if cell != "-"} <= {"objective", "to reach"}


def test_the_median_seed_is_shown_with_the_range() -> None:
    ours = [cell_result(0.79), cell_result(0.77), cell_result(0.80)]
    comparison = StreamComparison(IN_TIME, {"static": cell_result(0.7246)}, ours, {})
    (row,) = rows_of(scores_table([comparison]))
    assert (row["static"], row["calendar"], row[f"**{OURS}**"]) == ("0.725", "-", "0.790")
    assert (row["range"], row["to reach"]) == ("0.770 to 0.800", "0.780")
    assert rows_of(objective_table([comparison]))[0]["rank"] == "-"
    complete = StreamComparison(IN_TIME, {column: cell_result(0.7) for column in COLUMNS}, ours, {})
    assert rows_of(objective_table([complete]))[0]["rank"] == "1"
    (effort,) = rows_of(effort_table([comparison]))
    assert (effort["Penstock: trainings"], effort["Penstock: rows"], effort["Penstock: drifts"]) == ("3", "4,000", "1")


def test_a_score_of_earlier_code_is_marked() -> None:
    earlier = StreamComparison(IN_TIME, {}, [cell_result(0.79)], {}, is_current=False)
    for rows in (objective_table([earlier]), scores_table([earlier])):
        assert rows_of(rows)[0][f"**{OURS}**"] == "0.790°"


def test_the_oracle_is_shown_at_as_many_trainings_as_cara_has() -> None:
    oracle = cell_result(1.5, "mae") | {"loss_by_trainings": [4.0, 3.0, 2.0, 1.0]}
    retrained = {"oracle": oracle, "cara": cell_result(2.5, "mae"), "regol": cell_result(2.7, "mae")}
    (row,) = rows_of(retraining_table([StreamComparison(IN_TIME, {"Cara": retrained["cara"]}, [], retrained)]))
    assert (row["Cara"], row["oracle as Cara"], row["oracle, 19"]) == ("2.500 (3)", "2.000 (3)", "1.500 (3)")
    assert row["Regol"] == "2.700 (3)"


def test_the_target_of_late_models_follows_from_those_in_time() -> None:
    assert (target_score(IN_TIME, None), target_score(LATE_MODELS, None)) == (0.78, None)
    assert target_score(LATE_MODELS, 0.79) == pytest.approx(0.78)
    comparisons = [StreamComparison(IN_TIME, {}, [cell_result(0.79)], {}), StreamComparison(LATE_MODELS, {}, [], {})]
    assert rows_of(scores_table(comparisons))[1]["to reach"] == "0.780"


def test_a_synthetic_stream_is_compared_with_the_best_rival() -> None:
    references = {"static": cell_result(0.6), "calendar": cell_result(0.8), "last known": cell_result(0.99)}
    comparison = StreamComparison(CHANGING, references, [cell_result(0.79)], {})
    row, empty_row = rows_of(synthetic_table([comparison, StreamComparison(CHANGING, {}, [], {})]))
    assert (row["best reference"], row["distance"]) == ("0.800", "-1.0")
    assert (row["trainings"], row["recovery, rows"]) == ("3", "0")
    assert set(list(empty_row.values())[2:]) == {"-"}


def test_a_plot_marks_models_drifts_and_changes() -> None:
    plot = plot_data(StreamComparison(CHANGING, {"static": cell_result(0.6)}, [cell_result(0.7)], {}))
    assert (plot["models"], plot["drifts"], plot["changes"]) == ([500], [6100], [6000])
    assert list(plot["lines"]) == ["static", OURS]
    assert plot["lines"]["static"][0] == {"row": 1200, "score": 0.6}
