"""Models of our own beside an external one: trained on the same outcomes, serving when a person says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.rows.labelled_rows import Row
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.contracts.declaration.model_lifecycle import ModelsDeclaration, RetrainDeclaration
from penstock.contracts.declaration.stream import ServingDeclaration
from penstock.contracts.external_predictions import external_version
from penstock.contracts.topics import OUTCOMES, PREDICTIONS
from penstock.registry.command_context import CommandContext
from penstock.registry.web.proposal_view import newest_proposals
from tests.loans import Loans

from .log_records import records_of

CHANGES_AT, BEFORE, ALL = 500, 1500, 1700
DECLARATION = demo_declaration().model_copy(
    update={
        "serving": ServingDeclaration(model="external", challengers=True),
        "models": ModelsDeclaration(families=("linear",)),
        "retrain": RetrainDeclaration(on=("growth",), first_after=800, cooldown=10_000),
    }
)


@dataclass(frozen=True)
class PredictedLoans:
    """Loan applications with the predictions of another's model, of which every second one is wrong."""

    loans: Loans

    def rows(self) -> Iterator[Row]:
        """The applications in order; from `CHANGES_AT` on another version of that model predicts."""
        for row in self.loans.rows():
            prediction = row.label if row.number % 2 else {"yes": "no", "no": "yes"}[str(row.label)]
            said = {"prediction": prediction, "modelversion": "1.0" if row.number < CHANGES_AT else "1.1"}
            said["probabilities"] = {prediction: 0.8, {"yes": "no", "no": "yes"}[str(prediction)]: 0.2}
            yield replace(row, event=json.dumps({**json.loads(row.event), **said}).encode())

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """What became of the loan."""
        return self.loans.label_of(row, known_at)


async def send(deployment: InProcessDeployment, start: int, stop: int) -> None:
    sender = ReplaySender(PredictedLoans(Loans(start, stop)), deployment)
    await replay_in_stream_time(sender, 20, 40, lambda _: None)
    await deployment.await_quiet()
    await deployment.watch.read_to_end()


async def test_a_better_model_of_ours_is_a_shadow_until_a_person_lets_it_serve() -> None:
    async with in_process_deployment(DECLARATION) as deployment:
        stream, registry = deployment.watch.stream, deployment.registry
        await send(deployment, 0, BEFORE)
        answers = [record.data for record in records_of(deployment.log, PREDICTIONS, stream)]
        assert {answer.version_name for answer in answers} == {"1.0", "1.1"}
        assert {tuple(answer.probabilities) for answer in answers} == {(0.8, 0.2), (0.2, 0.8)}

        began = deployment.watch.epochs[1]
        assert (began.champion.version, began.rollout.mode) == (0, "shadow")
        assert [challenger.model.version for challenger in began.rollout.challengers] == [1]
        assert "against 0." in began.detail, "it was compared with the external model's recorded answers"
        (waiting,) = await registry.database.read(lambda session: newest_proposals(session, stream.name, 10))
        assert (waiting.state, waiting.version, waiting.champion) == ("waiting", 1, 0)

        await registry.approve(waiting.proposal, "seen", CommandContext("ann"))
        await send(deployment, BEFORE, ALL)
        assert deployment.watch.epochs[2].champion.version == 1
        outcomes = [record.data for record in records_of(deployment.log, OUTCOMES, stream)]
        newest = [outcome for outcome in outcomes if outcome.prediction.version == 1]
        assert len(newest) == ALL - BEFORE
        shadows = {shadow.version for outcome in newest for shadow in outcome.prediction.shadow}
        assert shadows == {external_version("1.1")}

        arms = {
            (block.version_name(arm.version), arm.role) for block in deployment.watch.statistics for arm in block.arms
        }
        assert arms >= {("1.0", "champion"), ("1.1", "champion"), ("1", "champion"), ("1", "shadow"), ("1.1", "shadow")}
