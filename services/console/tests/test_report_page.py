"""The page of a replay: complete, valid, and safe with any name that a file has."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home
from penstock.console.replay.replay import ReplayOptions, ReplayResult
from penstock.console.replay.report.epoch_lines import EpochLine
from penstock.console.replay.report.label_counts import LabelCounts
from penstock.console.replay.report.metrics import CalibrationBin, ClassScore
from penstock.console.replay.report.report import DriftLine, Report
from penstock.console.replay.report.scores import BlockScore
from penstock.console.replay.report.trainings import TrainingLine
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.replay.rows.refusal_counts import RefusedRows
from penstock.console.report_page.page import ReportPage
from penstock.console.report_page.report_file import require_known_suffixes, write_report
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration

from .command_process import penstock
from .page_reader import PageReader

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 300
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a' onmouseover='alert(1)' & <b>c</b>",
    "</style></title></td><a href=javascript:alert(1)>d</a>",
    "{{ page.report }}{% raw %}",
    "https://example.org/x.js",
)


def declaration(field: str = "x", classes: tuple[str, str] = ("no", "yes"), task: str = "binary") -> Declaration:
    label = {"name": "y"} if task == "regression" else {"name": "y", "classes": list(classes)}
    return Declaration.model_validate(
        {"name": "s", "task": task, "fields": {field: {"type": "number"}}, "label": label}
    )


def report(classes: tuple[str, str] = ("no", "yes"), field: str = "x", reason: str = "bad") -> Report:
    return Report(
        events=ROWS, accepted=298, rejected=2, predicted=298, unanswered=0, labels=298,
        label_counts=LabelCounts(298, 2, 298, 0, 298, 0, 0),
        refusals=[RefusedRows("event", "wrong_type", field, reason, 2, [7, 9])],
        metric="accuracy", score=0.75, metrics={"accuracy": 0.75, "recall": None}, baseline={"accuracy": 0.5},
        baseline_answer=classes[0], scored=270, warmup=0.1, classes=classes, positive=classes[1],
        by_class=[ClassScore(classes[0], 200, 190, 0.9, 0.8), ClassScore(classes[1], 70, 80, 0.85, None)],
        confusion=[[180, 20], [10, 60]],
        calibration=[CalibrationBin(200, 0.2, 0.1, 0.05, 0.2), CalibrationBin(70, 0.8, 0.9, 0.8, 1.0)],
        epochs=[
            EpochLine(0, "s-1/0", "baseline", "baseline", 0, 100, 0.5, 0.5),
            EpochLine(1, "s-1/1", "linear", reason, 100, 198, 0.8, 0.5),
            EpochLine(2, "s-1/2", "blend", "drift: better", None, 0, None, None),
        ],
        drifts=[
            DriftLine(150, "feature", "psi", field, False, 0.3, 0.2),
            DriftLine(None, "concept", "adwin", None, True, 0.4, 0.2),
        ],
        trainings=[
            TrainingLine(99, "first", "100 outcomes", "promoted", [reason], 1, "linear", 0.8, 0.5, 0.5, 100, 1.5, "?"),
            TrainingLine(None, "drift", reason, "failed", ["no rows"], None, None, None, None, None, None, 0.1),
        ],
        decision="wait, nothing", retrains=2, training_seconds=1.6, learning_seconds=0.0, rollbacks=0,
        failed_requests=0, wall_s=2.0, events_per_s=150.0,
        progress=[BlockScore(0, 0.5, 0.5), BlockScore(100, None, None), BlockScore(200, 0.9, 0.5)],
    )  # fmt: skip


def table_path(folder: Path, field: str = "x") -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join([f'"{field}",y', *(f"{number % 7},1" for number in range(ROWS))]) + "\n")
    return path


def page(folder: Path, shown: Report, declared: Declaration, field: str = "x", **settings: str) -> PageReader:
    rows = FileRows(open_table(table_path(folder, field)), declared, "test")
    return PageReader(ReportPage("Replay", "s-1", declared, shown, rows, settings, {7: 4711, 9: 4713}).html(NOW))


def test_everything_that_the_report_holds_is_on_the_page(tmp_path: Path) -> None:
    shown = report()
    read = page(tmp_path, shown, declaration(), speed="as fast as possible")
    for line in shown.epochs:
        assert f"epoch-{line.epoch}" in read.ids
        assert f"{line.model} {line.family} {line.reason}" in read.text
    assert [name for name in read.ids if name.startswith("drift-")] == ["drift-1", "drift-2"]
    assert "1 150 feature x psi 0.3 0.2 not shown 2 - concept - adwin 0.4 0.2 yes" in read.text
    assert "first: 100 outcomes promoted: bad" in read.text
    assert "1 linear ? 0.8 0.5" in read.text
    assert "drift: bad failed: no rows - - - - - - - 0.1" in read.text
    assert "event wrong_type x 2 4,711; 4,713 bad" in read.text
    assert "Better than a constant: accuracy 0.75 against 0.5" in read.text
    assert "speed as fast as possible" in read.text
    assert "recall - -" in read.text


def test_the_marks_and_spans_of_the_score_over_time_lead_to_the_tables(tmp_path: Path) -> None:
    read = page(tmp_path, report(), declaration())
    assert [link for link in read.links if "-" in link] == ["#epoch-0", "#epoch-1", "#drift-1", "#training-1"]
    assert any("feature drift x at row 150" in title for title in read.titles)
    assert any(title.startswith("Epoch 1: s-1/1 (linear), from row 100 on") for title in read.titles)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_the_file_are_text_whatever_they_are(tmp_path: Path, name: str) -> None:
    classes = (name, f"{name}2")
    read = page(tmp_path, report(classes, name, name), declaration(name, classes), name, setting=name)
    assert read.text.count(" ".join(name.split())) >= 8


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_with_hostile_names_has_the_same_elements(tmp_path: Path, name: str) -> None:
    classes = (name, f"{name}2")
    hostile = page(tmp_path, report(classes, name, name), declaration(name, classes), name)
    assert (hostile.ids, hostile.links) == ((harmless := page(tmp_path, report(), declaration())).ids, harmless.links)


def test_a_page_forbids_to_load_anything(tmp_path: Path) -> None:
    rows = FileRows(open_table(table_path(tmp_path)), declaration(), "test")
    html = ReportPage("Replay", "s-1", declaration(), report(), rows, {}, {}).html(NOW)
    assert """content="default-src 'none'; style-src 'unsafe-inline'">""" in html
    assert "http" not in html.replace('http-equiv="', "")


def test_a_run_without_a_single_score_has_a_page(tmp_path: Path) -> None:
    empty = replace(
        report(), score=None, scored=0, metrics={"accuracy": None}, baseline={}, baseline_answer=None, by_class=[],
        confusion=[], calibration=[], epochs=[], drifts=[], trainings=[], refusals=[],
        progress=[BlockScore(0, None), BlockScore(100, None), BlockScore(200, None)],
    )  # fmt: skip
    read = page(tmp_path, empty, declaration())
    assert "No row has both a prediction and a label: there is no score." in read.text
    assert "No model was trained: wait, nothing." in read.text
    assert "No row was refused." in read.text


def test_the_page_of_numbers_has_predicted_against_actual_and_no_classes(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"metric": "mae", "metrics": {"mae": 3.5}, "baseline": {"mae": 9.0}, "classes": ()}
    changes |= {"baseline_answer": 4.0, "by_class": [], "confusion": [], "score": 3.5}
    read = page(tmp_path, replace(report(), **changes), declaration(task="regression"))
    assert "Predicted against actual" in read.text
    assert "mean absolute error 3.5 9 in units of the label" in read.text
    assert "Classes" not in read.text


def test_the_suffix_says_how_the_report_is_written(tmp_path: Path) -> None:
    options = ReplayOptions(open_table(table_path(tmp_path)), declaration(), 5)
    result = ReplayResult("s-1", report(), {"in_process": True})
    for name in ("new/report.html", "report.json"):
        write_report(tmp_path / name, result, options, in_process=True)
    assert "Replay of rows.csv" in PageReader((tmp_path / "new/report.html").read_text()).text
    assert json.loads((tmp_path / "report.json").read_text())["in_process"] is True
    with pytest.raises(ConsoleFailure, match="cannot be written"):
        write_report(tmp_path / "rows.csv" / "report.html", result, options, in_process=True)


def test_another_suffix_is_one_line_before_anything_is_read(home: Home) -> None:
    require_known_suffixes([Path("a.HTML"), Path("b.json")])
    words = ["replay", "absent.csv", "--stream", "absent.toml", "--report", "a.json", "--report", "a.pdf"]
    done = penstock(home, *words, "--in-process")
    assert (done.returncode, done.stderr) == (
        2,
        "--report a.pdf: end the name in .html for a page, or in .json for programs\n",
    )
