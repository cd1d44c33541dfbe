"""An external model: its predictions come with the events, are scored and watched for drift; nothing is trained."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.rows.labelled_rows import Row
from penstock.console.replay.stream_time import ReplayProgress, ReplaySender, replay_in_stream_time
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.declaration.stream import ServingDeclaration
from penstock.contracts.topics import OUTCOMES, PREDICTIONS

from .log_records import records_of

COUNT, DEGRADES_AT, DELAY, CHUNK = 2000, 1300, 80, 40


@dataclass(frozen=True)
class ApplicationsWithPredictions:
    """Loan applications with a prediction each: four in five are right, from `DEGRADES_AT` on two in five."""

    applications: CreditRisk

    def rows(self) -> Iterator[Row]:
        """The applications in order."""
        for row in self.applications.rows():
            is_right = row.number % 5 < (4 if row.number < DEGRADES_AT else 2)
            prediction = row.label if is_right else {"yes": "no", "no": "yes"}[str(row.label)]
            attributes = {"prediction": prediction, "modelversion": "7.1"}
            yield replace(row, event=json.dumps({**json.loads(row.event), **attributes}).encode())

    def label_of(self, row: Row, known_at: object) -> bytes:
        """What became of the loan."""
        return self.applications.label_of(row, known_at)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ExternalRun:
    """The finished run."""

    sent: ReplayProgress
    watch: StreamWatch
    log: MemoryLog


async def run() -> ExternalRun:
    declaration = demo_declaration().model_copy(update={"serving": ServingDeclaration(model="external")})
    async with in_process_deployment(declaration) as deployment:
        sent = await replay_in_stream_time(
            ReplaySender(ApplicationsWithPredictions(CreditRisk(COUNT, None)), deployment), DELAY, CHUNK, lambda _: None
        )
        await deployment.watch.read_to_end()
        return ExternalRun(sent, deployment.watch, deployment.log)


@pytest.fixture(scope="module")
def external() -> ExternalRun:
    """The applications, run once."""
    return asyncio.run(run())


def test_every_prediction_is_recorded_and_joined_with_its_label(external: ExternalRun) -> None:
    assert (len(external.sent.refusals), external.sent.labels) == (0, COUNT)
    stream = external.watch.stream
    predictions, outcomes = (records_of(external.log, topic, stream) for topic in (PREDICTIONS, OUTCOMES))
    assert (len(predictions), len(outcomes)) == (COUNT, COUNT)
    assert {outcome.data.status for outcome in outcomes} == {"joined"}
    assert {outcome.id: outcome.data.label for outcome in outcomes} == external.sent.rows.by_id()
    models = {(outcome.data.prediction.model, outcome.data.prediction.digest) for outcome in outcomes}
    assert models == {(f"{stream.name}@7.1", "external")}


def test_statistics_have_its_scores(external: ExternalRun) -> None:
    blocks = [block for block in external.watch.statistics if block.joined == 100]
    assert len({block.start for block in blocks}) == COUNT // 100
    scores = [block.score for block in sorted(blocks, key=lambda block: block.start) if block.score is not None]
    assert scores[0] == pytest.approx(0.8, abs=0.05)
    assert scores[-1] == pytest.approx(0.4, abs=0.05)


def test_its_degradation_is_detected_and_nothing_is_trained(external: ExternalRun) -> None:
    concept_drifts = [drift for drift in external.watch.drifts if drift.kind == "concept"]
    assert concept_drifts
    assert all(drift.outcomes > DEGRADES_AT - DELAY for drift in concept_drifts)
    assert external.watch.training_runs == {}
    assert external.watch.newest_epoch == 0
