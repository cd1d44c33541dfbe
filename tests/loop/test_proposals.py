"""A stream that only proposes, through the whole loop: the baseline answers until a person approves a model."""

from __future__ import annotations

from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.contracts.declaration.model_lifecycle import ModelsDeclaration, PromotionDeclaration, RetrainDeclaration
from penstock.contracts.topics import PREDICTIONS
from penstock.registry.command_context import CommandContext
from penstock.registry.web.proposal_view import newest_proposals
from tests.loans import Loans

from .log_records import records_of

BEFORE, ALL = 700, 900
DECLARATION = demo_declaration().model_copy(
    update={
        "promotion": PromotionDeclaration(mode="propose"),
        "models": ModelsDeclaration(families=("linear",)),
        "retrain": RetrainDeclaration(on=("growth",), first_after=400, cooldown=10_000),
    }
)


async def send(deployment: InProcessDeployment, start: int, stop: int) -> None:
    await replay_in_stream_time(ReplaySender(Loans(start, stop), deployment), 20, 40, lambda _: None)
    await deployment.await_quiet()


async def test_nothing_is_installed_until_a_person_approves_and_then_the_model_serves() -> None:
    async with in_process_deployment(DECLARATION) as deployment:
        stream, registry = deployment.watch.stream, deployment.registry
        await send(deployment, 0, BEFORE)
        (waiting,) = await registry.database.read(lambda session: newest_proposals(session, stream.name, 10))
        assert (waiting.state, waiting.version, waiting.champion) == ("waiting", 1, 0)
        assert [*deployment.watch.epochs] == [0]
        assert {record.data.version for record in records_of(deployment.log, PREDICTIONS, stream)} == {0}

        await registry.approve(waiting.proposal, "seen", CommandContext("ann"))
        await send(deployment, BEFORE, ALL)
        promoted = deployment.watch.epochs[1]
        assert (promoted.reason, promoted.champion.version) == ("promotion", 1)
        assert promoted.detail.endswith("approved by ann: seen")
        newest = [record.data.version for record in records_of(deployment.log, PREDICTIONS, stream)]
        assert newest.count(1) == ALL - BEFORE
