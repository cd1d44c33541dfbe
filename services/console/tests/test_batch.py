"""A batch gives the rows of a file the answers that the server gives their events, and refuses what it would refuse."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from penstock.console.batch import batch_run, event_rows, file_rows, output_parts
from penstock.console.batch.batch_model import BatchModel, open_batch_model
from penstock.console.batch.batch_run import BatchResult, BatchRun
from penstock.console.batch.event_rows import HISTORY, EventRows, TimeSpan, copy_events
from penstock.console.batch.file_rows import FileRows
from penstock.console.batch.output_parts import OutputParts
from penstock.console.demo.credit_risk import SOURCE, CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.failure import ConsoleFailure
from penstock.console.lineage.places import TopicReader
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.rows.labelled_rows import event_body
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.topics import EVENTS, PREDICTIONS, REJECTED

COUNT, DELAY, CHUNK, FIRST = 480, 20, 30, 300
ROWS = 60
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def demo_with(**changes: Any) -> Declaration:
    declared = demo_declaration().model_dump(mode="json", by_alias=True, exclude_unset=True) | changes
    return Declaration.model_validate(declared | {"retrain": {"first_after": FIRST}, "time": {"column": "at"}})


LEARNING = {"history": {"keys": ["region"]}, "lags": {"label": [1, 2]}}
DECLARATIONS = {
    "linear": demo_with(models={"families": ["linear"]}),
    "learning": demo_with(**LEARNING, models={"families": ["boosting", "linear", "additive"]}),
}


@dataclass(frozen=True)
class Loop:
    """A loop with a trained champion, and rows that its events have not had."""

    deployment: InProcessDeployment
    rows: list[dict[str, Any]]

    async def model(self) -> BatchModel:
        stream = self.deployment.watch.stream
        return await open_batch_model(self.deployment.log, "penstock", stream, self.deployment.models)

    async def online(self) -> dict[str, PredictionData | str]:
        """What becomes of each row when it is sent as an event: the prediction, or the code of the refusal."""
        bodies = []
        for number, row in enumerate(self.rows):
            data = {name: value for name, value in row.items() if name != "at" and value is not None}
            bodies.append(event_body(SOURCE, f"row-{number}", row["at"], data))
        refused = await self.deployment.send("event", bodies, self.rows[-1]["at"])
        await self.deployment.run_pending()
        log, stream = self.deployment.log, self.deployment.watch.stream
        found: dict[str, PredictionData | str] = {f"row-{one.index}": one.reason.code for one in refused}
        async for placed in TopicReader(log, "penstock", PREDICTIONS, stream).read_all():
            if placed.record.id.startswith("row-"):
                found[placed.record.id] = placed.record.data
        rejections: TopicReader[Any] = TopicReader(log, "penstock", REJECTED, stream)
        async for rejection in rejections.read_all():
            found[rejection.record.data.id] = rejection.record.data.code
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(DECLARATIONS))
async def loop(request: pytest.FixtureRequest) -> AsyncIterator[Loop]:
    async with in_process_deployment(DECLARATIONS[request.param]) as deployment:
        await replay_in_stream_time(ReplaySender(CreditRisk(COUNT, COUNT), deployment), DELAY, CHUNK, lambda _: None)
        yield Loop(deployment, rows_to_predict())


def rows_to_predict() -> list[dict[str, Any]]:
    """Rows like the events before them, some with what is missing, odd or to be refused."""
    rows = []
    for row in list(CreditRisk(COUNT + ROWS, COUNT).rows())[-ROWS:]:
        event = json.loads(row.event)
        rows.append(event["data"] | {"at": datetime.fromisoformat(event["time"])})
    changes: dict[int, dict[str, Any]] = {
        3: {"income": None},
        5: {"region": None},
        7: {"purpose": "never seen"},
        9: {"customer": None},
        11: {"income": -1e101},
        13: {"account_months": 1.5},
    }
    return [row | changes.get(number, {}) for number, row in enumerate(rows)]


def written(rows: list[dict[str, Any]], path: Path) -> Path:
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        arrow_csv.write_csv(table, path)
    return path


def rows_of(file: Path, model: BatchModel) -> FileRows:
    return FileRows(open_table(file), model.stream, NOW, with_entities=model.model.learner is not None)


def predicted(file: Path, model: BatchModel, output: Path) -> tuple[list[dict[str, Any]], BatchResult]:
    parts = OutputParts(output)
    parts.record({})
    result = BatchRun(rows_of(file, model), model).write(parts, lambda _: None)
    parts.join()
    table = pq.read_table(output) if output.suffix == ".parquet" else arrow_csv.read_csv(output)
    return table.to_pylist(), result


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
async def test_rows_get_the_answers_of_their_events(loop: Loop, tmp_path: Path, suffix: str) -> None:
    model = await loop.model()
    assert model.version.version > 0
    rows, result = predicted(written(loop.rows, tmp_path / f"rows{suffix}"), model, tmp_path / f"out{suffix}")
    online = await loop.online()
    assert len(rows) == len(online) == ROWS
    classes = model.model.classes
    for number, row in enumerate(rows):
        answer = online[f"row-{number}"]
        if isinstance(answer, str):
            assert (row["prediction"] or None, row["refused"].partition(":")[0]) == (None, answer)
            continue
        assert (row["prediction"], row["model.version"]) == (answer.value, answer.version), (number, row["refused"])
        assert answer.probabilities is not None
        computed = [row[f"probability.{name}"] for name in classes]
        np.testing.assert_allclose(computed, answer.probabilities, rtol=0, atol=1e-12)
        if not model.model.learner:
            assert computed == list(answer.probabilities)
        assert row["purpose"] == loop.rows[number]["purpose"]
    refused = sum(isinstance(answer, str) for answer in online.values())
    assert sum(result.refusals.values()) == refused > 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
async def test_a_run_that_was_stopped_goes_on_and_ends_the_same(
    loop: Loop, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = await loop.model()
    file = written(loop.rows, tmp_path / f"rows{suffix}")
    whole, _ = predicted(file, model, tmp_path / f"whole{suffix}")
    for module in (output_parts, batch_run, file_rows):
        monkeypatch.setattr(module, "PART_ROWS", 25)
    parts = OutputParts(tmp_path / f"out{suffix}")
    parts.record({})
    monkeypatch.setattr(batch_run, "ROW_GROUP", 1)

    def stop(done: int) -> None:
        if done > 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BatchRun(rows_of(file, model), model).write(parts, stop)
    assert parts.done == 1
    rows, result = predicted(file, model, parts.path)
    assert (rows, result.rows) == (whole, ROWS)
    assert not parts.folder.exists()


@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_predicted_is_told(loop: Loop, tmp_path: Path) -> None:
    model = await loop.model()
    without = [{name: value for name, value in row.items() if name != "income"} for row in loop.rows]
    clashing = [row | {"prediction": "yes"} for row in loop.rows]
    with pytest.raises(ConsoleFailure, match="it lacks: income"):
        rows_of(written(without, tmp_path / "a.parquet"), model)
    with pytest.raises(ConsoleFailure, match="has a column 'prediction' already"):
        BatchRun(rows_of(written(clashing, tmp_path / "b.parquet"), model), model)
    with pytest.raises(ConsoleFailure, match=r"ends in \.parquet or \.csv"):
        OutputParts(tmp_path / "c.xlsx")
    stream = loop.deployment.watch.stream
    with pytest.raises(ConsoleFailure, match=r"version 99 of .* has not served"):
        await open_batch_model(loop.deployment.log, "penstock", stream, loop.deployment.models, 99)


ALWAYS = TimeSpan(datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


async def copied(loop: Loop, span: TimeSpan, file: Path) -> tuple[EventRows, int]:
    stream = loop.deployment.watch.stream
    count = await copy_events(loop.deployment.log, "penstock", stream, span, file)
    return EventRows(file, stream, span), count


@pytest.mark.asyncio(loop_scope="module")
async def test_events_on_the_log_get_the_answers_that_they_got(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, online = await loop.model(), await loop.online()
    source, count = await copied(loop, ALWAYS, tmp_path / "events")
    for module in (output_parts, batch_run, event_rows):
        monkeypatch.setattr(module, "PART_ROWS", 100)
    parts = OutputParts(tmp_path / "out.parquet")
    parts.record({})
    result = BatchRun(source, model).write(parts, lambda _: None)
    assert parts.done == -(-count // 100)
    parts.join()
    rows = {row["event.id"]: row for row in pq.read_table(parts.path).to_pylist()}
    assert result.rows == len(rows) == count == COUNT + sum(not isinstance(one, str) for one in online.values())
    for event_id, answer in online.items():
        if isinstance(answer, str):
            assert event_id not in rows, "what was refused is no event"
            continue
        row, sent = rows[event_id], loop.rows[int(event_id.removeprefix("row-"))]
        assert (row["prediction"], row["event.time"]) == (answer.value, sent["at"])
        assert row["income"] == sent["income"]
        assert answer.probabilities is not None
        probabilities = [row[f"probability.{name}"] for name in model.model.classes]
        np.testing.assert_allclose(probabilities, answer.probabilities, rtol=0, atol=1e-12)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_span_holds_what_the_log_took_in_it(loop: Loop, tmp_path: Path) -> None:
    stream = loop.deployment.watch.stream
    events = [placed async for placed in TopicReader(loop.deployment.log, "penstock", EVENTS, stream).read_all()]
    appended = sorted(placed.appended for placed in events)
    middle = appended[len(appended) // 2]
    between = datetime.fromtimestamp(middle / 1000, UTC)
    (_, before), (_, after) = [
        await copied(loop, span, tmp_path / name)
        for name, span in (("before", replace(ALWAYS, stop=between)), ("after", replace(ALWAYS, start=between)))
    ]
    assert (before, after) == (sum(one < middle for one in appended), sum(one >= middle for one in appended))


@pytest.mark.asyncio(loop_scope="module")
async def test_imported_history_and_events_of_another_declaration_are_refused(loop: Loop, tmp_path: Path) -> None:
    model = await loop.model()
    event = {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "time": "2026-01-01T00:00:00Z"}
    data = {"customer": "c", "income": 1.0}
    values = [event | {"id": "1", "data": data, "label": "yes"}, event | {"id": "2", "data": {"income": "much"}}]
    for kept, wanted in (
        (values, [HISTORY, event_rows.OTHER_DECLARATION]),
        (values[1:], [event_rows.OTHER_DECLARATION]),
    ):
        encoded = [json.dumps(value).encode() for value in kept]
        table = pa.table([[0] * len(kept), range(len(kept)), encoded], schema=event_rows.COPY_SCHEMA)
        pq.write_table(table, tmp_path / "events")
        (rows,) = EventRows(tmp_path / "events", model.stream, ALWAYS).read(0)
        assert rows.reasons == wanted
        parts = OutputParts(tmp_path / f"out{len(kept)}.parquet")
        parts.record({})
        result = BatchRun(EventRows(tmp_path / "events", model.stream, ALWAYS), model).write(parts, lambda _: None)
        assert sum(result.refusals.values()) == len(kept)
