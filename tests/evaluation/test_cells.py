"""Cells: where results are stored and what they must be of, which cells are selected, and in which processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.evaluation import cell_runner, cells
from bench.evaluation.__main__ import parser, select_cells
from bench.evaluation.cell_runner import cell_seconds, jobs_in_order
from bench.evaluation.cells import Cell, predictor_names
from bench.evaluation.comparison import compare_stream
from bench.evaluation.streams import Stream

from .sample_results import IN_TIME, LATE_MODELS, cell_result


@pytest.fixture
def stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stream:
    """A stream of 60 rows, and folders for results of which there are none yet."""
    for module in (cells, cell_runner):
        monkeypatch.setattr(module, "REFERENCE_RESULTS", tmp_path / "references")
        monkeypatch.setattr(module, "PENSTOCK_RESULTS", tmp_path / "results")
    monkeypatch.setattr(cells, "_penstock_result", lambda _: cell_result(0.7))
    file = tmp_path / "some.csv"
    file.write_text("x,y\n" + "".join(f"{n},{'yes' if n % 2 else 'no'}\n" for n in range(60)))
    return Stream("some", file, 0)


def test_a_stored_result_counts_only_for_the_same_file_and_code(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = Cell(stream, "last")
    assert cell.load() is None
    cell.run()
    result = cell.load()
    assert result is not None
    assert result["metrics"]["accuracy"] == 0.0
    assert compare_stream(stream, [0], None).references["last known"] == result
    with monkeypatch.context() as changed:
        changed.setattr(cells, "library_versions", lambda: {"river": "0"})
        assert cell.load() is None
    with monkeypatch.context() as changed:
        changed.setattr(cells, "reference_digest", lambda _: "other code")
        assert cell.load() is None
    assert cell.load() == result
    stream.file.write_text(stream.file.read_text() + "1,yes\n")
    assert cell.load() is None


def test_results_of_references_share_a_file_and_do_not_replace_each_other(stream: Stream) -> None:
    both = [Cell(stream, name) for name in ("last", "static")]
    for cell in both:
        cell.run()
    assert both[0].path == both[1].path
    assert all(cell.load() for cell in both)
    assert len(both[0].path.read_text().splitlines()) == 2 + len(both)


def test_a_result_of_penstock_is_of_its_code_and_a_result_of_a_reference_is_not(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, reference = Cell(stream, "penstock"), Cell(stream, "static")
    keys = ours.key(), reference.key()
    monkeypatch.setattr(cells, "product_digest", lambda: "a later one")
    assert ours.key() != keys[0]
    assert reference.key() == keys[1]


def test_a_result_of_earlier_code_is_shown_but_does_not_stand_for_one_of_this(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = Cell(stream, "penstock")
    cell.run()
    assert compare_stream(stream, [0], None).is_current
    monkeypatch.setattr(cells, "product_digest", lambda: "a later one")
    assert cell.load() is None
    comparison = compare_stream(stream, [0], None)
    assert [result["metrics"] for result in comparison.ours] == [{"accuracy": 0.7}]
    assert not comparison.is_current
    stream.file.write_text(stream.file.read_text() + "1,yes\n")
    assert compare_stream(stream, [0], None).ours == [], "of another file"


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


def test_a_process_runs_the_references_of_a_file_and_another_each_replay() -> None:
    arguments = parser().parse_args(["--only", "static,linear,tree,penstock", "--seeds", "0,1"])
    jobs = jobs_in_order(select_cells([IN_TIME, LATE_MODELS], arguments))
    assert [[(cell.stream.key, cell.predictor, cell.seed) for cell in job] for job in jobs] == [
        [("elec2-48", name, 0) for name in ("static", "linear", "tree")],
        [("elec2-48", "penstock", 0)],
        [("elec2-48", "penstock", 1)],
        [("elec2-48-late-1000", name, 0) for name in ("static", "linear")],
        [("elec2-48-late-1000", "penstock", 0)],
        [("elec2-48-late-1000", "penstock", 1)],
    ]


def test_the_remaining_time_is_estimated_from_stored_results_by_the_rows(stream: Stream) -> None:
    longer = Stream("longer", stream.file.with_name("longer.csv"), 0)
    longer.file.write_text(stream.file.read_text() + stream.file.read_text().partition("\n")[2])
    cell = Cell(stream, "last")
    cell.run()
    path = cell.path
    wall_s = cell.load()["wall_s"]  # type: ignore[index]
    path.write_text(path.read_text().replace(f'"wall_s": {wall_s}', '"wall_s": 6.0'))
    known, unknown = Cell(longer, "last"), Cell(longer, "penstock")
    assert cell_seconds([known, unknown]) == {known: pytest.approx(12.0), unknown: pytest.approx(12.0)}
