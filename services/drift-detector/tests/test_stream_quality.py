"""Quality by outcome block: statistics, maturity, corrections, metrics and estimates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from penstock.drift_detector.quality.pending_blocks import MAX_PENDING_BLOCKS

from .stream_unit import StreamUnit, outcomes_of, random_errors, statistics_of


def test_statistics_of_a_block(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    records = outcomes_of(make, [True] * 20 + [False] * 60, epoch=2, version=7)
    records += [make.outcome(80 + n, "1", None, epoch=1) for n in range(20)]
    unit.outcomes(records)
    (block,) = unit.written["statistics"]
    assert (block.start, block.stop, block.joined, block.expired, block.coverage) == (0, 100, 80, 20, 0.8)
    assert (block.metric, block.score, block.version, block.epoch) == ("accuracy", 0.75, 7, 2)
    assert (block.time, block.cause, block.first_time) == (records[-1].time, "e99", records[0].time)


def test_an_event_counts_once_by_its_highest_revision(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    first = outcomes_of(make, [False] * 50)
    unit.outcomes([*first, *first[:25], *[make.outcome(n, "1", "0", revision=1) for n in range(25)]])
    (block,) = statistics_of(unit, "provisional")
    assert (block.joined, block.score, block.revised) == (50, 0.5, 25)


def test_an_event_that_expired_first_takes_no_label_that_repeated_work_joins_to_it(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    expired = [make.outcome(n, "1", None) for n in range(10)]
    unit.outcomes([*expired, *[make.outcome(n, "1", "1", revision) for revision in (0, 1) for n in range(10)]])
    unit.outcomes(outcomes_of(make, [False] * 70, start=10))
    (block,) = statistics_of(unit, "provisional")
    assert (block.joined, block.expired, block.revised) == (70, 10, 0)


def test_a_correction_after_a_block_is_written_when_the_horizon_has_passed(make: Any) -> None:
    unit = StreamUnit(make, make.declared(label={"name": "up", "classes": ["0", "1"], "horizon": "PT5H"}))
    unit.outcomes(outcomes_of(make, [False] * 100))
    early = [(block.clock, block.score, block.revised) for block in unit.written["statistics"]]
    assert early == [("provisional", 1.0, 0), ("matured", 1.0, 0)]
    unit.reopen()
    corrections = [("0", 1), ("1", 1), ("1", 2), ("0", 2)]  # of equal ones the first counts, in the end the label is 1
    unit.outcomes([make.outcome(n, "1", label, revision) for n in (3, 4) for label, revision in corrections])
    unit.outcomes([make.outcome(5, "1", "0", 1)])
    unit.outcomes(outcomes_of(make, [False] * 391, start=100))
    later = [block for block in statistics_of(unit, "matured") if block.start == 0]
    assert [(block.score, block.revised, block.joined) for block in later] == [(1.0, 0, 100), (0.99, 5, 100)]
    assert later[1].id != later[0].id
    assert later[1].time == make.start + timedelta(minutes=490)
    assert len([block for block in statistics_of(unit, "matured") if block.start > 0]) == 4


def test_a_block_with_missing_labels_matures_at_the_horizon(make: Any) -> None:
    unit = StreamUnit(make, make.declared())  # of an hour, in events a minute apart
    unit.outcomes([make.outcome(n, "1", None if n < 10 else "1") for n in range(100)])
    assert statistics_of(unit, "matured") == []
    unit.outcomes(outcomes_of(make, [False] * 100, start=100))
    assert [(block.start, block.coverage) for block in statistics_of(unit, "matured")] == [(100, 1.0), (0, 0.9)]


def test_the_oldest_of_too_many_pending_blocks_matures_early(make: Any) -> None:
    unit = StreamUnit(make, make.declared(label={"name": "up", "classes": ["0", "1"], "horizon": "P3000D"}))
    for start in range(0, 100 * (MAX_PENDING_BLOCKS + 3), 5000):
        count = min(5000, 100 * (MAX_PENDING_BLOCKS + 3) - start)
        unit.outcomes([make.outcome(start + n, "1", None if n % 100 == 7 else "1") for n in range(count)])
    assert [block.start for block in statistics_of(unit, "matured")] == [0, 100, 200]
    assert len(list(unit.store.scan(b"2w"))) == MAX_PENDING_BLOCKS


def test_every_metric_of_the_task_has_an_interval(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    random = np.random.default_rng(0)
    up = random.uniform(0, 1, 100)
    unit.outcomes(
        [
            make.outcome(n, str(int(p > 0.5)), str(int(random.random() < p)), probabilities=[1 - p, p])
            for n, p in enumerate(up.tolist())
        ]
    )
    block = unit.written["statistics"][0]
    assert set(block.metrics) == {"accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "ece"}
    assert block.metrics["accuracy"].value == pytest.approx(block.score)
    assert all(metric.low < metric.value < metric.high for metric in block.metrics.values())
    numbers = StreamUnit(make, make.declared("regression"))
    numbers.outcomes([make.outcome(n, float(n), float(n + n % 7)) for n in range(100)])
    block = numbers.written["statistics"][0]
    assert set(block.metrics) == {"mae", "rmse", "mape", "pinball_10", "pinball_90"}
    assert block.metrics["mae"].value == pytest.approx(block.score)


def test_the_estimate_of_an_overconfident_model_is_right_before_its_labels(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    wrong = random_errors(0.4, 3000, 1)
    unit.outcomes(
        [make.outcome(n, "1", "0" if bad else "1", probabilities=[0.05, 0.95]) for n, bad in enumerate(wrong)]
    )
    first, *_, last = statistics_of(unit, "provisional")
    assert (first.estimate.score, first.estimate.error, first.estimate.answers) == (0.95, None, 100)
    assert last.estimate.score == pytest.approx(0.6, abs=0.05)
    assert 0 < last.estimate.error < 0.1
    expired = StreamUnit(make, make.declared())
    expired.outcomes([make.outcome(n, "1", None, probabilities=[0.2, 0.8]) for n in range(100)])
    (alone,) = expired.written["statistics"]
    assert (alone.score, alone.estimate.score) == (None, pytest.approx(0.8))


def test_the_estimate_of_a_regression_depends_on_the_values_answered(make: Any) -> None:
    unit = StreamUnit(make, make.declared("regression"))
    unit.outcomes([make.outcome(n, float(n % 50), float(n % 50) * 1.5) for n in range(1000)])
    unit.outcomes([make.outcome(1000 + n, 45.0, None) for n in range(100)])
    first, last = statistics_of(unit, "provisional")[0], statistics_of(unit, "provisional")[-1]
    assert first.estimate is None
    assert last.estimate.score == pytest.approx(22.5, abs=1.5)


def test_answers_without_probabilities_have_no_estimate(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    unit.outcomes(outcomes_of(make, [False] * 200))
    assert [block.estimate for block in unit.written["statistics"]] == [None] * 4


def test_the_score_of_a_regression_is_the_mean_absolute_error(make: Any) -> None:
    unit = StreamUnit(make, make.declared("regression"))
    unit.outcomes([make.outcome(n, 1.0, 4.0) for n in range(100)])
    assert (unit.written["statistics"][0].metric, unit.written["statistics"][0].score) == ("mae", 3.0)


def test_the_estimate_is_learnt_for_each_epoch(make: Any) -> None:
    """The model of epoch 2 errs by 80 where that of epoch 1 erred by 5; both answer alike, and take turns."""
    unit, random = StreamUnit(make, make.declared("regression")), np.random.default_rng(0)
    for turn in range(6):
        for epoch, error in ((1, 5.0), (2, 80.0)):
            answers = random.uniform(0, 100, 200)
            numbers = range(unit.offset, unit.offset + 200)
            unit.outcomes(
                [
                    make.outcome(number, answer, answer + error, epoch=epoch)
                    for number, answer in zip(numbers, answers.tolist(), strict=True)
                ]
            )
            estimates = [block.estimate for block in statistics_of(unit, "provisional")[-2:]]
            assert [estimate.score if estimate else None for estimate in estimates[turn == 0 :]] == [
                pytest.approx(error)
            ] * (2 - (turn == 0)), "of the first block of all nothing is known"


def test_a_block_of_two_epochs_is_estimated_by_both(make: Any) -> None:
    unit = StreamUnit(make, make.declared("regression"))
    for epoch, error in ((1, 5.0), (2, 80.0)):
        unit.outcomes([make.outcome(unit.offset + n, float(n), n + error, epoch=epoch) for n in range(100)])
    mixed = [make.outcome(200 + n, float(n), n + 1.0, epoch=1 + n % 2) for n in range(100)]
    unit.outcomes(mixed)
    assert statistics_of(unit, "provisional")[-1].estimate.score == pytest.approx(42.5)


def test_the_estimate_of_answers_below_a_half_is_their_own_probability(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    unit.outcomes([make.outcome(n, "1", "1" if n % 4 == 0 else "0", probabilities=[0.75, 0.25]) for n in range(100)])
    (block,) = statistics_of(unit, "provisional")
    assert block.score == 0.25
    assert block.estimate.score == 0.25


@pytest.mark.parametrize(("positive", "recall"), [(None, 0.5), ("0", 1.0)])
def test_precision_and_recall_are_of_the_declared_positive_class(
    make: Any, positive: str | None, recall: float
) -> None:
    unit = StreamUnit(make, make.declared(label={"name": "up", "classes": ["0", "1"], "positive": positive}))
    unit.outcomes([make.outcome(n, "0" if n < 70 else "1", "0" if n < 40 else "1") for n in range(100)])
    (block,) = statistics_of(unit, "provisional")
    assert block.metrics["recall"].value == recall
