"""A model that a person made, through the whole loop: it serves if it passes the gates, and is kept back if not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import onnxruntime
import polars as pl
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from penstock.artifacts import FileStore
from penstock.console.demo.demo import demo_declaration
from penstock.console.push.push_package import push_package
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.pushes import Push
from penstock.contracts.topics import EVENTS, PREDICTIONS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.registry.command_context import CommandContext
from penstock.registry.command_results import CommandRefused
from penstock.registry.db import training_runs
from penstock.registry.web.views import models_of
from tests.loans import Loans

from .log_records import records_of
from .risk_graphs import FIELDS, risk_graph

DECLARATION = demo_declaration().model_copy(
    update={"retrain": RetrainDeclaration(on=("growth",), first_after=5_000, cooldown=10_000)}
)
FEW, BEFORE, ALL = 60, 400, 600


async def send(deployment: InProcessDeployment, start: int, stop: int) -> None:
    await replay_in_stream_time(ReplaySender(Loans(start, stop), deployment), 20, 40, lambda _: None)
    await deployment.await_quiet()


async def push(deployment: InProcessDeployment, content: bytes, folder: Path, **said: Any) -> None:
    file = folder / "model.onnx"
    file.write_bytes(content)
    package = push_package(file, DECLARATION, None)
    digest = FileStore(deployment.artifacts).put(package.content)
    pushed = Push(digest=digest, family=package.model.family, **said)
    await deployment.registry.push_model(deployment.watch.stream.name, pushed, CommandContext("ann"))
    await deployment.await_quiet()


async def decisions(deployment: InProcessDeployment) -> list[dict[str, Any]]:
    rows = await deployment.registry.database.read(
        lambda session: [row.decision for row in training_runs.runs_of(session, deployment.watch.stream.name)]
    )
    return [decision for decision in rows if decision is not None]


def payload(record: Any, names: Sequence[str] = FIELDS) -> dict[str, Any]:
    return {name: getattr(record.data, DECLARATION.attribute_of(name)) for name in names}


async def test_a_pushed_graph_waits_for_evidence_then_serves_and_a_worse_one_is_kept_back(tmp_path: Path) -> None:
    async with in_process_deployment(DECLARATION) as deployment:
        stream = deployment.watch.stream
        await push(deployment, risk_graph(), tmp_path, metadata={"team": "risk", "auc": 0.9}, notes="by hand")
        assert records_of(deployment.log, TRAINING_REQUESTS, stream) == []  # nothing to judge it on yet
        await send(deployment, 0, BEFORE)
        promoted = deployment.watch.epochs[1].champion
        assert (promoted.version, promoted.family) == (1, "onnx")
        assert promoted.push is not None
        assert (promoted.push.by, promoted.push.notes, promoted.push.metadata["auc"]) == ("ann", "by hand", 0.9)

        await send(deployment, BEFORE, ALL)
        session = onnxruntime.InferenceSession(risk_graph(), providers=["CPUExecutionProvider"])
        events = {record.id: record for record in records_of(deployment.log, EVENTS, stream)}
        answers = [one for one in records_of(deployment.log, PREDICTIONS, stream) if one.data.version == 1]
        assert len(answers) > ALL - BEFORE
        for answer in answers:
            row = payload(events[answer.id])
            (expected,) = session.run(None, {name: [row[name]] for name in FIELDS})
            assert answer.data.probabilities[1] == pytest.approx(expected[0], abs=1e-12)
            assert answer.data.value == ("yes" if expected[0] > 0.5 else "no")

        await push(deployment, risk_graph(-1), tmp_path)
        assert [decision["outcome"] for decision in await decisions(deployment)] == ["promoted", "kept_back"]
        assert deployment.watch.epochs[max(deployment.watch.epochs)].champion.version == 1
        later = datetime(2027, 1, 1, tzinfo=UTC)
        await push(deployment, risk_graph(), tmp_path, trained_until=later)
        (failed,) = [run for run in records_of(deployment.log, TRAINING_RUNS, stream) if run.status == "failed"]
        assert failed.failure.startswith(
            "there are 0 labelled events newer than what it or the champion has learnt from"
        )
        views = await deployment.registry.database.read(lambda session: models_of(session, stream.name))
        assert [(view.model.version, view.serving) for view in views] == [(0, False), (1, True), (2, False)]


def fitted_pipeline(loans: Loans) -> Pipeline:
    """Fitted on loans that are not sent, as a table."""
    rows = [*loans.rows()]
    table = pl.DataFrame([json.loads(row.event)["data"] for row in rows])
    steps = [("numbers", StandardScaler(), list(FIELDS)), ("purpose", OneHotEncoder(), ["purpose"])]
    columns = ColumnTransformer(steps, sparse_threshold=0)
    fitted: Pipeline = make_pipeline(columns, LogisticRegression()).fit(
        table[[*FIELDS, "purpose"]], [row.label for row in rows]
    )
    return fitted


async def test_a_pipeline_of_scikit_learn_serves_with_the_answers_that_it_gave_where_it_was_made(
    tmp_path: Path,
) -> None:
    pipeline = fitted_pipeline(Loans(ALL, 2 * ALL))
    async with in_process_deployment(DECLARATION) as deployment:
        stream = deployment.watch.stream
        await send(deployment, 0, BEFORE)
        await push(deployment, skops.io.dumps(pipeline), tmp_path)
        assert deployment.watch.epochs[1].champion.family == "sklearn"
        await send(deployment, BEFORE, BEFORE + 40)
        events = {record.id: record for record in records_of(deployment.log, EVENTS, stream)}
        answers = [one.data for one in records_of(deployment.log, PREDICTIONS, stream) if one.data.version == 1]
        ids = [one.id for one in records_of(deployment.log, PREDICTIONS, stream) if one.data.version == 1]
        table = pl.DataFrame([payload(events[one], (*FIELDS, "purpose")) for one in ids])
        assert len(answers) == 40
        assert [answer.probabilities[1] for answer in answers] == pipeline.predict_proba(table)[:, 1].tolist()


async def test_a_push_of_nothing_is_refused() -> None:
    async with in_process_deployment(DECLARATION) as deployment:
        nothing = Push(digest=f"sha256:{'0' * 64}", family="onnx")
        with pytest.raises(CommandRefused, match="the store does not hold"):
            await deployment.registry.push_model(deployment.watch.stream.name, nothing)
