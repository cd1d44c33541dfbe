"""Rows that are refused in a replay or an import: counted with their reason, and waited for by nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from penstock.console.replay import log_retention
from penstock.console.replay.history_import import ImportStream, import_history
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.replay import ReplayOptions, ReplayResult, replay_in_process
from penstock.console.replay.rows.historical_events import historical_events
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.replay.wait_until_quiet import HandledCheck
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.topics import OUTCOMES

DECLARATION = Declaration.model_validate(
    {
        "name": "bad",
        "task": "binary",
        "fields": {"x": {"type": "number", "max": 100, "outside": "refuse"}},
        "label": {"name": "y", "classes": ["a", "b"]},
    }
)

MEASURE = Declaration.model_validate(
    {
        "name": "measure",
        "task": "regression",
        "fields": {"x": {"type": "number"}},
        "label": {"name": "y"},
        "time": {"column": "when"},
    }
)


def write(folder: Path, *rows: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    return path


async def replay(path: Path, delay: int = 0, declaration: Declaration = DECLARATION) -> ReplayResult:
    return await replay_in_process(ReplayOptions(open_table(path), declaration, delay), lambda _: None)


async def test_every_refusal_of_a_replay_has_its_reason_and_its_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "1,a", "n/a,a", "2,zebra", "900,b", "3,b", "5,", "x,a")
    report = (await replay(path)).report
    refused = {(each.kind, each.code): (each.rows, each.first_rows) for each in report.refusals}
    assert refused == {
        ("event", "wrong_type"): (2, [1, 6]),
        ("label", "unknown_class"): (1, [2]),
        ("event", "out_of_range"): (1, [3]),
    }
    assert (report.accepted, report.rejected, report.predicted, report.unanswered) == (4, 3, 4, 0)
    counts = report.label_counts
    assert (counts.labelled, counts.unlabelled, counts.refused, counts.joined) == (6, 1, 1, 2)


async def test_a_file_of_which_every_row_is_refused_ends_with_its_reason(tmp_path: Path) -> None:
    report = (await replay(write(tmp_path, "n/a,a", "n/a,b"))).report
    assert (report.accepted, report.score, report.enough_accepted) == (0, None, False)
    assert [(each.code, each.rows, each.example) for each in report.refusals] == [
        ("wrong_type", 2, "expected float | null")
    ]


async def test_a_row_whose_time_or_label_cannot_be_read_is_refused_and_the_replay_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("when,x,y\n,1,5\n2024-01-01,1,many\n2024-01-02,1,5\nsoon,1,5\n2024-01-04,1,5\n")
    report = (await replay(path, declaration=MEASURE)).report
    assert [(each.kind, each.field, each.first_rows, each.example) for each in report.refusals] == [
        ("event", "when", [0, 3], "expected a time, year first, found nothing"),
        ("label", "y", [1], "expected a finite number, found 'many'"),
    ]
    assert (report.events, report.accepted, report.predicted, report.unanswered) == (5, 3, 3, 0)
    assert (report.label_counts.refused, report.label_counts.accepted, report.label_counts.joined) == (1, 2, 2)


async def test_a_row_of_the_future_is_refused_and_the_labels_of_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    future = datetime.now(UTC) + timedelta(days=1)
    path.write_text(f"when,x,y\n{future:%Y-%m-%d %H:%M},1,5\n2024-01-02,1,5\n9999-01-01,1,5\n2024-01-04,1,5\n")
    report = (await replay(path, declaration=MEASURE)).report
    assert [(each.kind, each.code, each.first_rows) for each in report.refusals] == [("event", "clock_skew", [0, 2])]
    assert (report.accepted, report.label_counts.joined, report.label_counts.late) == (2, 2, 0)


async def test_history_whose_time_or_label_cannot_be_read_is_refused_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("when,x,y\n2024-01-01,1,5\n,1,5\n9999-01-01,1,5\n2024-01-02,1,many\n2024-01-03,1,\n")
    async with in_process_deployment(MEASURE) as deployment:
        rows = FileRows(open_table(path), MEASURE, "import/measure")
        stream = ImportStream(deployment.log, "penstock", deployment.watch.stream)
        result = await import_history(historical_events(rows.rows(), 1), deployment, stream, "rows.csv", lambda _: None)
    assert (result.accepted, result.outcomes) == (1, 1)
    assert {(each.code, each.field): each.first_rows for each in result.refusals} == {
        ("wrong_type", "when"): [1],
        ("clock_skew", "time"): [2],
        ("wrong_type", "y"): [3],
        ("missing_label", ""): [4],
    }


async def test_history_of_which_every_row_is_refused_is_refused_row_by_row(tmp_path: Path) -> None:
    path = write(tmp_path, "1,A", "2,B")
    async with in_process_deployment(DECLARATION) as deployment:
        rows = FileRows(open_table(path), DECLARATION, "import/bad")
        stream = ImportStream(deployment.log, "penstock", deployment.watch.stream)
        result = await import_history(historical_events(rows.rows(), 0), deployment, stream, "rows.csv", lambda _: None)
    assert (result.accepted, result.refused, result.waiting) == (0, 2, 0)
    assert [(each.code, each.first_rows) for each in result.refusals] == [("unknown_class", [0, 1])]


async def test_history_whose_outcomes_have_left_the_log_is_not_waited_for(tmp_path: Path) -> None:
    path = write(tmp_path, "1,a", "2,b")
    async with in_process_deployment(DECLARATION) as deployment:
        rows = FileRows(open_table(path), DECLARATION, "import/bad")
        stream = ImportStream(deployment.log, "penstock", deployment.watch.stream)

        async def run() -> list[tuple[str, int]]:
            events = historical_events(rows.rows(), 0)
            result = await import_history(events, deployment, stream, "rows.csv", lambda _: None)
            return [(each.code, each.rows) for each in result.refusals]

        assert await run() == []
        await deployment.await_quiet()
        deployment.log.expire((OUTCOMES.name("penstock", "bad"), 0), 2)
        assert await run() == [("no_outcome", 2)]


async def test_what_was_handled_is_known_while_new_records_come_in(tmp_path: Path) -> None:
    async with in_process_deployment(DECLARATION) as deployment:
        rows = list(FileRows(open_table(write(tmp_path, "1,a", "2,b")), DECLARATION, "s").rows())
        await deployment.send("event", [rows[0].event], rows[0].time)
        await deployment.run_pending()
        check = HandledCheck(deployment.log, "penstock", deployment.watch.stream)
        await check.wait()
        assert deployment.watch.is_answered(rows[0].id)


@pytest.fixture
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is shortened all the time."""
    monkeypatch.setattr(log_retention, "KEPT", 50)
    monkeypatch.setattr(log_retention, "STEP", 10)


async def test_a_log_that_is_shortened_gives_the_same_report(tmp_path: Path, short_log: None) -> None:
    del short_log
    rows = [f"{number % 97},{'b' if number % 97 > 40 else 'a'}" for number in range(1300)]
    path = write(tmp_path, *rows)
    shortened = await replay(path, delay=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_retention, "KEPT", 1_000_000)
        whole = await replay(path, delay=40)
    assert shortened.report.progress == whole.report.progress
    assert shortened.report.metrics == whole.report.metrics
    assert [line.at_event for line in shortened.report.epochs] == [line.at_event for line in whole.report.epochs]
    assert len(shortened.report.epochs) > 1
