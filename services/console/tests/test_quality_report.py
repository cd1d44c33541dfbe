"""The quality of a stream's predictions: read from the log, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from penstock.bus.memory.log import MemoryLog
from penstock.console.home import Home
from penstock.console.views.quality_report import quality_of, read_quality
from penstock.console.views.quality_table import quality_document, quality_table
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.monitoring import ArmLosses, Confusion, ObjectiveStatistics, SliceLosses, Statistics
from penstock.contracts.topics import MODELS, STATISTICS, TRAINING_RUNS

from .command_process import penstock
from .training_records import NOW, envelope, finished_run, log_with, promotion, training_request


def arm(version: int, answers: int, wrong: int, role: Any = "champion") -> ArmLosses:
    mean = wrong / answers
    return ArmLosses(version=version, role=role, answers=answers, mean=mean, squares=answers * mean * (1 - mean))


def group(value: str, *counts: int) -> SliceLosses:
    tn, fp, fn, tp = counts
    confusion = Confusion(true_negatives=tn, false_positives=fp, false_negatives=fn, true_positives=tp)
    mean = (fp + fn) / sum(counts)
    return SliceLosses(field="region", value=value, answers=sum(counts), mean=mean, squares=0.0, confusion=confusion)


def block(
    start: int,
    arms: Any,
    slices: Any = (),
    clock: Any = "provisional",
    stream: str = "loans",
    objective: ObjectiveStatistics | None = None,
) -> Statistics:
    return Statistics(
        **envelope(stream), id=f"{start}-{clock}", start=start, stop=start + 100, joined=100, expired=0,
        metric="accuracy", score=0.8, coverage=1.0, version=1, epoch=1, first_time=NOW, last_time=NOW, clock=clock,
        arms=tuple(arms), slices=tuple(slices), objective=objective,
    )  # fmt: skip


async def log_of_three_blocks() -> MemoryLog:
    """The middle block has matured; in the newest, two versions predict and a third is in shadow."""
    request = training_request("loans", 0)
    return await log_with(
        (TRAINING_RUNS, finished_run(request)),
        (MODELS, promotion(request)),
        (STATISTICS, block(0, [arm(0, 100, 50)])),
        (STATISTICS, block(100, [arm(1, 100, 90)], [group("north", 1, 1, 1, 97)])),
        (STATISTICS, block(100, [arm(1, 100, 20)], [group("north", 30, 10, 10, 50)], clock="matured")),
        (
            STATISTICS,
            block(200, [arm(1, 60, 6), arm(2, 40, 8), arm(3, 100, 5, "shadow")], [group("south", 60, 0, 20, 20)]),
        ),
        (STATISTICS, block(0, [arm(9, 100, 99)], stream="another")),
    )


async def test_versions_and_slices_are_added_up_over_blocks_as_they_matured() -> None:
    report = await read_quality(await log_of_three_blocks(), "penstock", "loans")
    assert report is not None
    document = json.loads(json.dumps(quality_document(report)))
    assert {version["version"]: (version["outcomes"], version["accuracy"]) for version in document["versions"]} == {
        0: (100, 0.5),
        1: (160, pytest.approx(1 - 26 / 160)),
        2: (40, pytest.approx(0.8)),
    }
    assert [version["on_holdout"] for version in document["versions"]] == [None, 0.8, None]
    north, south = document["slices"]
    assert (north["value"], north["selection_rate"], north["true_positive_rate"]) == (
        "north",
        0.6,
        pytest.approx(5 / 6),
    )
    assert south["false_positive_rate"] == 0
    assert document["fairness"]["region"]["demographic_parity_difference"] == pytest.approx(0.4)
    assert document["fairness"]["region"]["equalised_odds_difference"] == pytest.approx(5 / 6 - 0.5)


async def test_only_the_newest_blocks_count_if_a_number_is_given() -> None:
    report = await read_quality(await log_of_three_blocks(), "penstock", "loans", last=1)
    assert report is not None
    assert list(report.versions) == [1, 2]


async def test_the_table_shows_versions_slices_and_how_far_groups_lie_apart() -> None:
    report = await read_quality(await log_of_three_blocks(), "penstock", "loans")
    assert report is not None
    console = Console(width=200, record=True)
    console.print(quality_table("loans", report))
    text = console.export_text()
    assert "baseline" in text
    assert "region = north" in text
    assert "demographic parity difference 0.400" in text


async def test_without_a_block_there_is_no_report() -> None:
    assert await read_quality(await log_with(), "penstock", "loans") is None


def by_objective(start: int, metric: str, score: float | None, loss: str, mean: float) -> Statistics:
    moments = LossMoments(loss=loss, rows=100, mean=mean, squares=4.0)
    of_version = arm(1, 100, 10).model_copy(update={"by_objective": moments})
    return block(start, [of_version], objective=ObjectiveStatistics(metric=metric, score=score, loss=moments))


def shown(blocks: list[Statistics]) -> tuple[dict[str, Any], str]:
    console, report = Console(width=200, record=True), quality_of(blocks)
    console.print(quality_table("loans", report))
    return json.loads(json.dumps(quality_document(report), allow_nan=False)), console.export_text()


def test_the_objective_is_shown_over_the_blocks_in_which_it_can_be_computed_and_by_version_its_loss() -> None:
    document, text = shown(
        [
            by_objective(0, "log_loss", 0.9, "log_loss", 0.9),  # of an earlier declaration, by the same loss
            by_objective(100, "average_precision", 0.4, "log_loss", 0.3),
            by_objective(200, "average_precision", None, "log_loss", 0.1),
            by_objective(300, "average_precision", 0.6, "log_loss", 0.3),
        ]
    )
    assert document["objective"] == {
        "metric": "average_precision",
        "score": pytest.approx(0.5),
        "blocks": 2,
        "loss": "log_loss",
    }
    assert document["versions"][0]["log_loss"] == pytest.approx(0.4)
    assert document["versions"][0]["accuracy"] == pytest.approx(0.9), "what was there stays"
    assert "average_precision: 0.5, the mean over the 2 of 4 blocks" in text
    assert "mean log loss" in text


def test_losses_by_another_objective_are_not_added_up() -> None:
    document, _ = shown([by_objective(0, "cost", 5.0, "cost", 5.0), by_objective(100, "f1", None, "error", 0.1)])
    assert document["objective"] == {"metric": "f1", "score": None, "blocks": 0, "loss": None}
    document, _ = shown([by_objective(0, "f1", 0.5, "error", 0.1), by_objective(100, "cost", 5.0, "cost", 5.0)])
    assert document["versions"][0]["cost"] == 5.0


def test_without_an_objective_none_is_shown() -> None:
    document, text = shown([block(0, [arm(1, 100, 10)])])
    assert document["objective"] is None
    assert "objective" not in text


def test_without_a_deployment_the_commands_fail_with_one_line(tmp_path: Path) -> None:
    for command in (("quality", "loans"), ("rollout", "status", "loans")):
        result = penstock(Home(tmp_path / "new"), *command)
        assert (result.returncode, result.stderr.count("\n")) == (1, 1)
        assert "Nothing runs in" in result.stderr
