"""A rehearsal answers what was served: the same package, learning from the same outcomes at the same moments."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from penstock.artifacts import FileStore
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.contracts.topics import MODELS, OUTCOMES, TRAINING_REQUESTS
from penstock.ml.package.model_package import unpack
from penstock.trainer.data.dataset import label_classes, rows_of
from penstock.trainer.data.parquet_segments import outcome_table
from penstock.trainer.evaluation.rehearsal import Rehearsal, rehearse

from .log_records import records_of

COUNT, LABEL_DELAY, CHUNK = 1000, 80, 40


async def test_a_rehearsal_answers_what_was_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    demo = demo_declaration()
    blends = demo.models.model_copy(update={"families": ("linear", "additive")})
    declaration = demo.model_copy(update={"models": blends})
    async with in_process_deployment(declaration) as deployment:
        sender = ReplaySender(CreditRisk(COUNT, COUNT), deployment)
        await replay_in_stream_time(sender, LABEL_DELAY, CHUNK, lambda _: None)
        await deployment.watch.read_to_end()
        rehearsal, served = rehearsal_and_service(deployment, store_below(tmp_path))
    assert rehearsal.answers.probabilities is not None
    rehearsed = {int(row): answer for row, answer in zip(rehearsal.rows, rehearsal.answers.probabilities, strict=True)}
    differences = [np.abs(rehearsed[row] - answer).max() for row, answer in served.items()]
    assert len(differences) > 200
    assert max(differences) < 0.02  # between its training and its promotion another version's experts were recorded


def store_below(folder: Path) -> FileStore:
    """The store of the deployment whose files lie there."""
    (artifacts,) = folder.glob("penstock-replay-*/artifacts")
    return FileStore(artifacts)


def rehearsal_and_service(deployment: InProcessDeployment, store: FileStore) -> tuple[Rehearsal, dict[int, np.ndarray]]:
    """The rehearsal of version 1 on all outcomes, and by row the probabilities that it served."""
    log, stream = deployment.log, deployment.watch.stream
    champion = next(epoch.champion for epoch in records_of(log, MODELS, stream) if epoch.champion.version == 1)
    request = next(each for each in records_of(log, TRAINING_REQUESTS, stream) if each.id == champion.run)
    outcomes = records_of(log, OUTCOMES, stream)
    rows = rows_of(stream.declaration, [outcome_table(stream.declaration, range(len(outcomes)), outcomes)])
    classes = label_classes(stream.declaration, rows.labels)
    rehearsal = rehearse(unpack(store.get(champion.digest)), rows, request.until, classes)
    by_offset = {int(offset): row for row, offset in enumerate(rows.offsets)}
    served = {
        by_offset[offset]: np.array(outcome.data.answer.probabilities)
        for offset, outcome in enumerate(outcomes)
        if outcome.data.answer.version == 1 and offset in by_offset
    }
    return rehearsal, served
