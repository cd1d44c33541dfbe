"""People are told of a training that fails, and of candidates that are kept back again and again; and of their end."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.training import Skew, TrainingRun
from penstock.contracts.topics import ALERTS, TRAINING_RUNS
from penstock.registry.training_news import training_news

KEPT, GOOD, BAD = "kept_back", "promoted", "failed"


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ([BAD], [("training-failed", False)]),
        ([BAD, BAD], [("training-failed", False)]),
        ([GOOD, BAD], [("training-failed", True)]),
        ([KEPT, BAD, GOOD], [("training-failed", True)]),
        ([GOOD, GOOD, BAD], []),
        ([KEPT, KEPT, GOOD], []),
        ([KEPT, KEPT, KEPT, GOOD], [("kept-back", False)]),
        ([KEPT, KEPT, KEPT], [("kept-back", False)]),
        ([KEPT, KEPT, KEPT, KEPT, GOOD], []),
        ([KEPT, KEPT, BAD, KEPT], [("kept-back", False)]),
        ([GOOD, KEPT, KEPT, KEPT], [("kept-back", True)]),
        (["proposed", KEPT, KEPT, KEPT], [("kept-back", True)]),
        ([GOOD, KEPT, KEPT], []),
        ([BAD, KEPT, KEPT, KEPT], [("training-failed", False)]),
    ],
)
def test_what_the_newest_training_tells(newest_first: list[str], expected: list[tuple[str, bool]]) -> None:
    assert [(str(news.kind), news.is_over) for news in training_news(newest_first)] == expected


async def test_a_failure_is_told_and_so_is_its_end(loans: Any) -> None:
    failed = {"status": "failed", "failure": "MemoryError", "evaluation": None, "candidate": None, "dataset": None}
    await loans.send(TRAINING_RUNS, loans.run(1, **failed))
    await loans.send(TRAINING_RUNS, loans.run(1, **failed))
    await loans.send(TRAINING_RUNS, loans.run(2))
    first, second = loans.published(ALERTS)
    assert first.message == "the training request-1 failed: MemoryError"
    assert (first.kind, first.state, second.state) == ("training-failed", "firing", "resolved")
    assert first.key == second.key == "training-failed/loans"


async def test_three_candidates_that_are_kept_back_are_told_once(loans: Any) -> None:
    for number in range(5):
        await loans.send(TRAINING_RUNS, loans.run(number, gain=0.001))
    (alert,) = loans.published(ALERTS)
    assert (alert.kind, alert.severity, alert.state) == ("kept-back", "info", "firing")
    await loans.send(TRAINING_RUNS, loans.run(6))
    assert [alert.state for alert in loans.published(ALERTS)] == ["firing", "resolved"]


def skewed_run(loans: Any, number: int, differing: int | None, **changes: Any) -> TrainingRun:
    """A finished run that found so many of 100 answers made from other lag features; None: it compared none."""
    run = loans.run(number, **changes)
    skew = None if differing is None else Skew(rows=100, differing=differing)
    return run.model_copy(update={"evaluation": run.evaluation.model_copy(update={"skew": skew})})


@pytest.mark.parametrize(
    ("differing", "states"),
    [
        ([1], []),
        ([2], ["firing"]),
        ([2, 3, 1, 0], ["firing", "firing", "resolved"]),
        ([2, None, 0, None, 5], ["firing", "resolved", "firing"]),
        ([0, 1], []),
    ],
)
async def test_skew_of_more_than_a_percent_is_told_until_a_training_measures_less(
    loans: Any, differing: list[int | None], states: list[str]
) -> None:
    for number, one in enumerate(differing):
        await loans.send(TRAINING_RUNS, skewed_run(loans, number, one))
    alerts = [alert for alert in loans.published(ALERTS) if alert.kind == "skew"]
    assert [alert.state for alert in alerts] == states
    assert {alert.key for alert in alerts} <= {"skew/loans"}


async def test_a_run_whose_model_is_refused_ends_no_skew(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, skewed_run(loans, 1, 2))
    refused = skewed_run(loans, 2, 0)
    assert refused.candidate is not None
    unsigned = refused.candidate.model_copy(update={"envelope": {}})
    await loans.send(TRAINING_RUNS, refused.model_copy(update={"candidate": unsigned}))
    assert [alert.state for alert in loans.published(ALERTS) if alert.kind == "skew"] == ["firing"]
    await loans.send(TRAINING_RUNS, skewed_run(loans, 3, 0))
    assert [alert.state for alert in loans.published(ALERTS) if alert.kind == "skew"] == ["firing", "resolved"]
