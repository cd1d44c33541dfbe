"""Rollouts in the whole loop: a bad challenger is rolled back, a good one is promoted, in every mode."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.rows.labelled_rows import Row
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch, RolloutMode
from penstock.contracts.topics import PREDICTIONS
from penstock.registry.use_cases.model_commands import Promotion
from penstock.registry.use_cases.rollout_commands import RolloutStart

from .log_records import records_of

FLIPPED_LOANS = 650  # the first, whose labels are flipped: the first model learns the opposite of the true labels
LOANS_BEFORE, LOANS_PER_ROLLOUT = 2400, 1200
DELAY, CHUNK = 40, 40
BAD_VERSION = 1

OTHER_CLASS = {"yes": "no", "no": "yes"}


@dataclass(frozen=True)
class Loans:
    """Loan applications `[start, stop)`; the labels of the first `FLIPPED_LOANS` are flipped."""

    start: int
    stop: int

    def rows(self) -> Iterator[Row]:
        """The applications in order."""
        for row in islice(CreditRisk(self.stop, None).rows(), self.start, self.stop):
            yield replace(row, label=OTHER_CLASS[str(row.label)]) if row.number < FLIPPED_LOANS else row

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The request body of the loan's label."""
        return CreditRisk(self.stop, None).label_of(row, known_at)


@dataclass(frozen=True)
class RolloutRun:
    """All rollouts, ended; `first_epochs`: the epoch that started each, by mode."""

    watch: StreamWatch
    log: MemoryLog
    good_version: int
    first_epochs: dict[str, int]

    def epochs_of(self, mode: str) -> list[ModelEpoch]:
        """From the epoch that started a rollout to the one that ended it."""
        first = self.first_epochs[mode]
        following = [self.watch.epochs[number] for number in sorted(self.watch.epochs) if number >= first]
        last = next(index for index, epoch in enumerate(following) if epoch.rollout is None)
        return following[: last + 1]

    def predictions(self) -> list[Any]:
        """All predictions, one partition after the other."""
        return records_of(self.log, PREDICTIONS, self.watch.stream)


async def send(deployment: InProcessDeployment, start: int, stop: int) -> None:
    await replay_in_stream_time(ReplaySender(Loans(start, stop), deployment), DELAY, CHUNK, lambda _: None)
    await deployment.watch.read_to_end()


def declaration_with(**retrain: Any) -> Declaration:
    return demo_declaration().model_copy(update={"retrain": RetrainDeclaration(**retrain)})


async def run() -> RolloutRun:
    """Roll out a bad model by canary, then a good one against a bad champion in each other mode."""
    start = {"first_after": 500, "cooldown": 300, "settle": 250}
    async with in_process_deployment(declaration_with(on=["drift"], **start)) as deployment:
        name, registry, watch = deployment.watch.stream.name, deployment.registry, deployment.watch
        await send(deployment, 0, LOANS_BEFORE)
        good_version = watch.epochs[watch.newest_epoch].champion.version
        await registry.apply(declaration_with(on=[], **start))  # no more training
        first_epochs, sent = {}, LOANS_BEFORE
        modes: tuple[RolloutMode, ...] = ("canary", "ab", "shadow", "bandit")
        for mode in modes:
            champion, challenger = (good_version, BAD_VERSION) if mode == "canary" else (BAD_VERSION, good_version)
            if watch.epochs[watch.newest_epoch].champion.version != champion:
                await registry.promote(name, Promotion(champion, watch.newest_epoch))
            await deployment.await_quiet()
            await registry.start_rollout(name, RolloutStart((challenger,), mode))
            await deployment.await_quiet()
            await watch.read_to_end()
            first_epochs[mode] = watch.newest_epoch
            await send(deployment, sent, sent + LOANS_PER_ROLLOUT)
            sent += LOANS_PER_ROLLOUT
        return RolloutRun(watch, deployment.log, good_version, first_epochs)


@pytest.fixture(scope="module")
def rollouts() -> RolloutRun:
    """The rollouts, run once."""
    return asyncio.run(run())


def test_a_label_flipped_challenger_is_rolled_back_within_a_thousand_events(rollouts: RolloutRun) -> None:
    *during, after = rollouts.epochs_of("canary")
    numbers = {epoch.epoch for epoch in during}
    answers_by_arm = Counter(record.data.arm for record in rollouts.predictions() if record.data.epoch in numbers)
    assert answers_by_arm["challenger"] < answers_by_arm.total() <= 1000
    assert after.rollout is None
    assert after.champion.version == rollouts.good_version
    assert "worse than the champion" in after.detail


@pytest.mark.parametrize("mode", ["ab", "shadow", "bandit"])
def test_a_good_challenger_takes_over_from_a_bad_champion(rollouts: RolloutRun, mode: str) -> None:
    *during, after = rollouts.epochs_of(mode)
    assert {epoch.champion.version for epoch in during} == {BAD_VERSION}
    assert after.champion.version == rollouts.good_version
    assert after.reason in ("promotion", "rollback"), "by the rollout, or since the champion falls short of its holdout"


def test_an_entity_keeps_one_model_while_the_shares_are_the_same(rollouts: RolloutRun) -> None:
    split_epochs = {epoch.epoch for epoch in rollouts.epochs_of("ab")[:-1]}
    versions_by_entity: dict[str, set[int]] = {}
    for record in rollouts.predictions():
        if record.data.epoch in split_epochs:
            versions_by_entity.setdefault(record.data.entity, set()).add(record.data.version)
    assert {version for versions in versions_by_entity.values() for version in versions} == {
        BAD_VERSION,
        rollouts.good_version,
    }
    assert all(len(versions) == 1 for versions in versions_by_entity.values())


def test_a_shadow_answers_no_event(rollouts: RolloutRun) -> None:
    during = {epoch.epoch for epoch in rollouts.epochs_of("shadow")[:-1]}
    answers = [record.data for record in rollouts.predictions() if record.data.epoch in during]
    assert {answer.version for answer in answers} == {BAD_VERSION}
    assert {shadow.version for answer in answers for shadow in answer.shadow} == {rollouts.good_version}


def test_a_bandit_gives_the_better_model_more(rollouts: RolloutRun) -> None:
    shares = [epoch.rollout.challengers[0].share for epoch in rollouts.epochs_of("bandit") if epoch.rollout is not None]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0] or len(shares) == 1
