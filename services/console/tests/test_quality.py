"""Quality as it is read from the statistics, and shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from penstock.console.home import Home
from penstock.console.views.quality import read_quality
from penstock.console.views.quality_view import as_document, quality_table
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import ArmLosses, Confusion, SliceLosses, Statistics
from penstock.contracts.topics import MODELS, STATISTICS, TRAINING_RUNS

from .test_commands import penstock
from .test_ledger import ended, request, written

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def arm(version: int, answers: int, wrong: int, role: Any = "champion") -> ArmLosses:
    mean = wrong / answers
    return ArmLosses(version=version, role=role, answers=answers, mean=mean, squares=answers * mean * (1 - mean))


def group(value: str, *counts: int) -> SliceLosses:
    tn, fp, fn, tp = counts
    confusion = Confusion(true_negatives=tn, false_positives=fp, false_negatives=fn, true_positives=tp)
    mean = (fp + fn) / sum(counts)
    return SliceLosses(field="region", value=value, answers=sum(counts), mean=mean, squares=0.0, confusion=confusion)


def block(start: int, arms: Any, slices: Any = (), clock: Any = "provisional", stream: str = "loans") -> Statistics:
    return Statistics(
        source="s", id=f"{start}-{clock}", time=NOW, stream=stream, start=start, stop=start + 100, joined=100, expired=0,
        metric="accuracy", score=0.8, coverage=1.0, version=1, epoch=1, first_time=NOW, last_time=NOW, clock=clock,
        arms=tuple(arms), slices=tuple(slices),
    )  # fmt: skip


async def a_log() -> Any:
    asked = request(0, "loans")
    champion = ModelVersion(
        name="loans", version=1, family="linear", digest="d", envelope={}, run=asked.id, schema_version=1
    )
    return await written(
        (TRAINING_RUNS, ended(asked).model_copy(update={"stream": "loans"})),
        (
            MODELS,
            ModelEpoch(source="s", id="e", time=NOW, stream="loans", epoch=1, champion=champion, reason="promotion"),
        ),
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
    found = await read_quality(await a_log(), "penstock", "loans")
    assert found is not None
    document = json.loads(json.dumps(as_document(found)))
    assert {one["version"]: (one["outcomes"], one["accuracy"]) for one in document["versions"]} == {
        0: (100, 0.5),
        1: (160, pytest.approx(1 - 26 / 160)),
        2: (40, pytest.approx(0.8)),
    }
    assert [one["on_holdout"] for one in document["versions"]] == [None, 0.8, None]
    north, south = document["slices"]
    assert (north["value"], north["selection_rate"], north["true_positive_rate"]) == (
        "north",
        0.6,
        pytest.approx(5 / 6),
    )
    assert south["false_positive_rate"] == 0
    assert document["fairness"]["region"]["demographic_parity_difference"] == pytest.approx(0.4)
    assert document["fairness"]["region"]["equalised_odds_difference"] == pytest.approx(5 / 6 - 0.5)


async def test_the_newest_blocks_alone_may_be_asked_for() -> None:
    found = await read_quality(await a_log(), "penstock", "loans", last=1)
    assert found is not None
    assert list(found.versions) == [1, 2]


async def test_the_table_shows_versions_slices_and_how_far_groups_lie_apart() -> None:
    found = await read_quality(await a_log(), "penstock", "loans")
    assert found is not None
    console = Console(width=200, record=True)
    console.print(quality_table("loans", found))
    text = console.export_text()
    assert "baseline" in text
    assert "region = north" in text
    assert "demographic parity difference 0.400" in text


async def test_nothing_judged_is_nothing_found() -> None:
    assert await read_quality(await written(), "penstock", "loans") is None


def test_without_a_deployment_it_says_so_in_one_line(tmp_path: Path) -> None:
    for command in (("quality", "loans"), ("rollout", "status", "loans")):
        done = penstock(Home(tmp_path / "new"), *command)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "Nothing runs in" in done.stderr
