"""A declared objective through the whole loop: what the gates compare, and what the report says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.console.replay.replay import ReplayOptions, replay_in_process
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration

ROWS = 1300


def declaration(task: str, metric: str) -> Declaration:
    classes = {} if task == "regression" else {"classes": ["no", "yes"]}
    return Declaration.model_validate(
        {
            "name": "rare",
            "task": task,
            "fields": {"x": {"type": "number"}},
            "label": {"name": "y", **classes},
            "objective": {"metric": metric},
            "models": {"families": ["linear"]},
            "retrain": {"first_after": 300, "on": ["drift"]},
        }
    )


def write(folder: Path, task: str) -> Path:
    """Labels of which one in ten is positive and no row is likelier positive than not; or numbers."""
    random = np.random.default_rng(0)
    x = random.normal(size=ROWS)
    positive = random.random(ROWS) < 0.05 + 0.35 * (x > 1)
    labels = np.exp(x) if task == "regression" else np.where(positive, "yes", "no")
    path = folder / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{number:.3f},{label}\n" for number, label in zip(x, labels, strict=True)))
    return path


@pytest.mark.parametrize(
    ("task", "metric"), [("binary", "average_precision"), ("binary", "log_loss"), ("regression", "rmse")]
)
async def test_the_objective_lets_a_model_in_and_is_the_score_of_the_report(
    tmp_path: Path, task: str, metric: str
) -> None:
    options = ReplayOptions(open_table(write(tmp_path, task)), declaration(task, metric), 0)
    report = (await replay_in_process(options, lambda _: None)).report
    assert report.metric == metric
    assert report.score == report.metrics[metric]
    first = next(line for line in report.epochs if line.epoch == 1)
    assert f": {metric} " in first.reason


COSTS = {"no": {"yes": 1.0}, "yes": {"no": 8.0}}


@pytest.mark.parametrize(("order", "positive"), [(("no", "yes"), None), (("yes", "no"), "yes")])
@pytest.mark.parametrize("objective", [{"metric": "f1"}, {"metric": "cost", "costs": COSTS}], ids=["f1", "cost"])
async def test_answers_follow_from_the_objective(
    tmp_path: Path, objective: dict[str, Any], order: tuple[str, ...], positive: str | None
) -> None:
    stream = declaration("binary", "accuracy").model_dump(exclude_unset=True)
    stream |= {"objective": objective, "label": {"name": "y", "classes": order, "positive": positive}}
    options = ReplayOptions(open_table(write(tmp_path, "binary")), Declaration.model_validate(stream), 0)
    report = (await replay_in_process(options, lambda _: None)).report
    assert (report.metric, report.score) == (objective["metric"], report.metrics[objective["metric"]])
    assert report.positive == "yes"
    found = next(each for each in report.by_class if each.name == "yes")
    assert report.metrics["recall"] == found.recall
    assert report.metrics["recall"] > 0.3  # the likeliest class is always no
    if objective["metric"] == "cost":
        assert report.metrics["cost"] < report.baseline["cost"]
