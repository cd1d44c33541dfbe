"""A model takes effect so many rows after the row its data was cut at, and no earlier."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.replay import Asked, Done, replay_in_process
from penstock.console.replay.training_delay import TrainingDelay
from penstock.console.table_file import Table, open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import TrainingRequest, TrainingRun

NOW = datetime(2024, 1, 1, tzinfo=UTC)
ROWS, FIRST_AFTER, LABEL_DELAY, CHUNK = 600, 200, 20, 10


def request(name: str) -> TrainingRequest:
    return TrainingRequest(source="test", id=name, time=NOW, stream="s", fence=0, reason="first", until=1)


def run(name: str, status: str) -> TrainingRun:
    said = {"source": "test", "id": f"{name}-{status}", "time": NOW, "stream": "s", "request": name, "fence": 0}
    return TrainingRun.model_validate(said | {"status": status, "reason": "first", "until": 1})


@given(rows=st.integers(1, 50), cut=st.integers(0, 100), sent=st.integers(0, 200))
def test_the_trainer_is_held_until_its_request_is_old_enough_and_from_its_end_on(
    rows: int, cut: int, sent: int
) -> None:
    delay = TrainingDelay(rows)
    delay.rows_sent = cut
    assert delay.holds()
    delay.asked(request("a"))
    delay.rows_sent = cut + sent
    delay.asked(request("a"))
    assert delay.holds() == (sent < rows)
    delay.ran(run("a", "started"))
    assert delay.holds() == (sent < rows)
    delay.ran(run("a", "finished"))
    assert delay.holds()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A class that the baseline knows nothing of and any model learns at once."""
    random = np.random.default_rng(3)
    lines = [f"{x:.3f},{'yes' if x > 0.5 else 'no'}" for x in random.random(ROWS)]
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text("\n".join(["x,y", *lines]))
    return open_table(file)


async def replayed(table: Table, training_delay: int) -> Done:
    label = {"name": "y", "classes": ["no", "yes"]}
    retrain = {"first_after": FIRST_AFTER, "growth": 1e6, "on_drift": False}
    declared = {"name": "s", "task": "binary", "fields": {"x": {"type": "number"}}, "label": label, "retrain": retrain}
    asked = Asked(table, Declaration.model_validate(declared), LABEL_DELAY, CHUNK, training_delay=training_delay)
    return await replay_in_process(asked, lambda _: None)


def first_served(done: Done) -> int:
    """The row of the first answer of a model."""
    row = next(epoch.at_event for epoch in done.report.epochs if epoch.epoch == 1)
    assert row is not None
    return row


async def test_the_first_answer_of_a_model_comes_so_many_rows_later(table: Table) -> None:
    cut_at = first_served(await replayed(table, 0))
    for training_delay in (5, 255):
        late = first_served(await replayed(table, training_delay))
        assert cut_at + training_delay <= late < cut_at + training_delay + CHUNK


async def test_without_time_to_train_in_nothing_serves_but_the_baseline(table: Table) -> None:
    report = (await replayed(table, ROWS)).report
    assert ([epoch.epoch for epoch in report.epochs], report.retrains) == ([0], 0)
