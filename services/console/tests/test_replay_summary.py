"""What a replay says in words."""

from __future__ import annotations

from dataclasses import replace

from penstock.console.replay.report.report import Report, RunMeasurements, make_report
from penstock.console.replay.report.scores import BlockScore
from penstock.console.replay.report.trainings import TrainingLine
from penstock.console.views.replay_summary import summary_lines

from .test_report import StreamLog, labelled_rows

KEPT_BACK = TrainingLine(
    at_event=90, reason="drift", detail="", result="kept back", why=["worse than the baseline"], version=2,
    family="linear", candidate=0.5, champion=0.6, baseline=0.7, rows=80, cpu_seconds=1.0,
)  # fmt: skip


async def report_of(answers: str) -> Report:
    """Rows that are all labelled `a`, with these answers."""
    log = StreamLog()
    for row, answer in enumerate(answers):
        await log.add_prediction(f"e{row}", answer, 0)
    return make_report(await log.watch(), labelled_rows(len(answers)), RunMeasurements(1.0, 0))


async def test_models_that_are_no_better_than_a_constant_are_said_to_be_so() -> None:
    lines = summary_lines(await report_of("a" * 20))
    assert lines[0] == "Never better than always 'a': accuracy 1 against 1 of always 'a', on the same 18 rows."
    assert "Every label is 'a': there is nothing to tell apart." in lines
    assert "No model was trained: nothing was decided yet." in lines


async def test_a_score_better_than_that_of_the_constant_comes_first() -> None:
    report = replace(await report_of("a" * 20), score=0.9, baseline={"accuracy": 0.6})
    assert summary_lines(report)[0].startswith("Better than a constant: accuracy 0.9 against 0.6 of always 'a'")


async def test_blocks_in_which_it_was_better_are_counted() -> None:
    blocks = [BlockScore(0, 0.9, 0.5), BlockScore(100, 0.1, 0.5)]
    report = replace(await report_of("a" * 20), score=0.4, baseline={"accuracy": 0.5}, progress=blocks)
    assert summary_lines(report)[0].endswith("better in 1 of 2 blocks of rows.")


async def test_why_candidates_were_kept_back_is_said_once_with_their_number() -> None:
    lines = summary_lines(replace(await report_of("a" * 20), trainings=[KEPT_BACK] * 3))
    assert "Trainings: 3 kept back." in lines
    assert "  3 kept back because worse than the baseline" in lines


async def test_without_a_label_there_is_no_score() -> None:
    report = replace(await report_of("a" * 20), score=None)
    assert summary_lines(report)[0] == "No row after the warm-up has both a prediction and a label: there is no score."
