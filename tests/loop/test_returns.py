"""A bad champion never stays: the stream turns round, and the loop returns to what loses less, by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from penstock.console.replay.replay import ReplayOptions, replay_in_process
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration

COUNT, TURNED_AT = 800, 600


def declaration() -> Declaration:
    return Declaration.model_validate(
        {
            "name": "turned",
            "task": "binary",
            "fields": {"x": {"type": "number"}},
            "label": {"name": "y", "classes": ["no", "yes"]},
            "objective": {"metric": "log_loss"},
            "models": {"families": ["linear"]},
            "retrain": {"first_after": 300, "cooldown": 300, "settle": 200},
        }
    )


def turned_rows(folder: Path) -> Path:
    """A label that follows the sign of a number, and from row `TURNED_AT` on the opposite."""
    random = np.random.default_rng(0)
    x = random.normal(size=COUNT)
    positive = (x + random.normal(0, 0.3, COUNT) > 0) != (np.arange(COUNT) >= TURNED_AT)
    labels = np.where(positive, "yes", "no")
    path = folder / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{number:.3f},{label}\n" for number, label in zip(x, labels, strict=True)))
    return path


async def test_a_champion_that_turns_bad_is_found_and_makes_room_for_what_is_better(tmp_path: Path) -> None:
    options = ReplayOptions(open_table(turned_rows(tmp_path)), declaration(), 0)
    report = (await replay_in_process(options, lambda _: None)).report
    before, returned, learnt = report.epochs[-3:]
    assert before.family == "linear"
    assert (returned.family, report.rollbacks) == ("baseline", 1), "on the newest outcomes it loses less than any model"
    assert "loses more than its holdout showed" in returned.reason
    assert 0 < returned.at_event - TURNED_AT <= 100
    assert (learnt.family, learnt.reason[:5]) == ("linear", "drift"), (
        "from the 150 outcomes since the stream turned round"
    )
    results = {line.result for line in report.trainings if line.reason == "performance"}
    assert results == {"kept back"}, "their candidates learnt next to nothing of what is new"
