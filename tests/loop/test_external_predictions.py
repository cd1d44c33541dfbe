"""A model that lives elsewhere: its predictions are sent in, judged and watched, and nothing is trained."""

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
from penstock.console.replay.labelled_rows import Row
from penstock.console.replay.stream_time import ReplayProgress, replay_in_stream_time
from penstock.console.replay.stream_watch import StreamWatch
from penstock.contracts.declaration.stream import ServingDeclaration
from penstock.contracts.topics import OUTCOMES, PREDICTIONS

COUNT, BREAKS_AT, DELAY, CHUNK = 2000, 1300, 80, 40


@dataclass(frozen=True)
class Predicted:
    """Loan applications with a prediction each: four in five are right, from `BREAKS_AT` on two in five."""

    applications: CreditRisk

    def rows(self) -> Iterator[Row]:
        """The applications in order."""
        for row in self.applications.rows():
            is_right = row.number % 5 < (4 if row.number < BREAKS_AT else 2)
            said = row.label if is_right else {"yes": "no", "no": "yes"}[str(row.label)]
            brought = {"prediction": said, "modelversion": "7.1"}
            yield replace(row, event=json.dumps({**json.loads(row.event), **brought}).encode())

    def label_of(self, row: Row, known_at: object) -> bytes:
        """What became of the loan."""
        return self.applications.label_of(row, known_at)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Watched:
    """The run, ended."""

    sent: ReplayProgress
    watch: StreamWatch
    log: MemoryLog


async def run() -> Watched:
    declaration = demo_declaration().model_copy(update={"serving": ServingDeclaration(model="external")})
    async with in_process_deployment(declaration) as deployment:
        sent = await replay_in_stream_time(Predicted(CreditRisk(COUNT, None)), deployment, DELAY, CHUNK, lambda _: None)
        await deployment.watch.read_to_end()
        return Watched(sent, deployment.watch, deployment.log)


@pytest.fixture(scope="module")
def external() -> Watched:
    """The applications, run once."""
    return asyncio.run(run())


def test_every_prediction_is_recorded_as_it_was_made_and_joined_with_its_label(external: Watched) -> None:
    assert (external.sent.refused, external.sent.labels) == (0, COUNT)
    stream = external.watch.stream
    for topic in (PREDICTIONS, OUTCOMES):
        name = topic.name("penstock", stream.name)
        found = [
            one for at in external.log.partitions_of(name) for one in topic.decoder(stream)(external.log.records_of(at))
        ]
        assert len(found) == COUNT
    assert {outcome.data.status for outcome in found} == {"joined"}
    assert {outcome.id: outcome.data.label for outcome in found} == external.sent.rows.labels
    assert {(one.data.prediction.model, one.data.prediction.digest) for one in found} == {
        (f"{stream.name}@7.1", "external")
    }


def test_statistics_say_how_good_it_is(external: Watched) -> None:
    matured = [one for one in external.watch.statistics if one.joined == 100]
    assert len({one.start for one in matured}) == COUNT // 100
    scores = [one.score for one in sorted(matured, key=lambda one: one.start) if one.score is not None]
    assert scores[0] == pytest.approx(0.8, abs=0.05)
    assert scores[-1] == pytest.approx(0.4, abs=0.05)


def test_its_getting_worse_is_noticed_and_nothing_is_trained(external: Watched) -> None:
    concept = [drift for drift in external.watch.drifts if drift.kind == "concept"]
    assert concept
    assert all(drift.outcomes > BREAKS_AT - DELAY for drift in concept)
    assert external.watch.training_runs == {}
    assert external.watch.newest_epoch == 0
