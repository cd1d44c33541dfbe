"""With a training delay, a model serves that many rows after the end of its training data, and no earlier."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.replay import ReplayOptions, ReplayResult, replay_in_process
from penstock.console.replay.training_delay import TrainingDelay
from penstock.console.table.table import Table, open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import TrainingRequest, TrainingRun

NOW = datetime(2024, 1, 1, tzinfo=UTC)
ROWS, FIRST_AFTER, LABEL_DELAY, CHUNK = 600, 200, 20, 10


def request(name: str) -> TrainingRequest:
    return TrainingRequest(source="test", id=name, time=NOW, stream="s", fence=0, reason="first", until=1)


def run(name: str, status: str) -> TrainingRun:
    fields = {"source": "test", "id": f"{name}-{status}", "time": NOW, "stream": "s", "request": name, "fence": 0}
    return TrainingRun.model_validate(fields | {"status": status, "reason": "first", "until": 1})


@given(rows=st.integers(1, 50), requested_at=st.integers(0, 100), sent=st.integers(0, 200))
def test_the_trainer_is_held_until_its_request_is_old_enough_and_from_its_end_on(
    rows: int, requested_at: int, sent: int
) -> None:
    delay = TrainingDelay(rows)
    delay.rows_sent = requested_at
    assert delay.holds()
    delay.apply_request(request("a"))
    delay.rows_sent = requested_at + sent
    delay.apply_request(request("a"))
    assert delay.holds() == (sent < rows)
    delay.apply_run(run("a", "started"))
    assert delay.holds() == (sent < rows)
    delay.apply_run(run("a", "finished"))
    assert delay.holds()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Rows whose class the baseline cannot predict, and any model learns at once."""
    random = np.random.default_rng(3)
    lines = [f"{x:.3f},{'yes' if x > 0.5 else 'no'}" for x in random.random(ROWS)]
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text("\n".join(["x,y", *lines]))
    return open_table(file)


async def replayed(table: Table, training_delay: int) -> ReplayResult:
    label = {"name": "y", "classes": ["no", "yes"]}
    retrain = {"first_after": FIRST_AFTER, "growth": 1e6, "on_drift": False}
    declaration = {
        "name": "s",
        "task": "binary",
        "fields": {"x": {"type": "number"}},
        "label": label,
        "retrain": retrain,
    }
    options = ReplayOptions(
        table, Declaration.model_validate(declaration), LABEL_DELAY, CHUNK, training_delay=training_delay
    )
    return await replay_in_process(options, lambda _: None)


def first_row_of_model(result: ReplayResult) -> int:
    """The row of the first prediction of a trained model."""
    row = next(epoch.at_event for epoch in result.report.epochs if epoch.epoch == 1)
    assert row is not None
    return row


async def test_the_first_prediction_of_a_model_is_delayed(table: Table) -> None:
    without_delay = first_row_of_model(await replayed(table, 0))
    for training_delay in (5, 255):
        with_delay = first_row_of_model(await replayed(table, training_delay))
        assert without_delay + training_delay <= with_delay < without_delay + training_delay + CHUNK


async def test_with_a_delay_of_all_rows_only_the_baseline_serves(table: Table) -> None:
    report = (await replayed(table, ROWS)).report
    assert ([epoch.epoch for epoch in report.epochs], report.retrains) == ([0], 0)
