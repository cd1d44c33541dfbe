"""Models on trial in the whole loop: a bad one is taken back by itself, a good one takes over, however it is tried."""

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
from penstock.console.replay.labelled_rows import Row
from penstock.console.replay.stream_time import replay_in_stream_time
from penstock.console.replay.stream_watch import StreamWatch
from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch, RolloutMode
from penstock.contracts.topics import PREDICTIONS
from penstock.registry.use_cases.model_commands import Promotion
from penstock.registry.use_cases.rollout_commands import RolloutStart

TURNED = 650  # loans whose labels are turned round: the first model learns the opposite of the truth
TRIED, EACH = 2400, 1200
DELAY, CHUNK = 40, 40
BAD = 1

FLIPPED = {"yes": "no", "no": "yes"}


@dataclass(frozen=True)
class Loans:
    """Loan applications `[start, stop)`, the first labels of all turned round."""

    start: int
    stop: int

    def rows(self) -> Iterator[Row]:
        """The applications in order."""
        for row in islice(CreditRisk(self.stop, None).rows(), self.start, self.stop):
            yield replace(row, label=FLIPPED[str(row.label)]) if row.number < TURNED else row

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """What became of the loan."""
        return CreditRisk(self.stop, None).label_of(row, known_at)


@dataclass(frozen=True)
class Tried:
    """All trials, ended."""

    watch: StreamWatch
    log: MemoryLog
    good: int
    begun: dict[str, int]

    def epochs_of(self, trial: str) -> list[ModelEpoch]:
        """From the epoch in which a trial began to the one that ended it."""
        following = [self.watch.epochs[number] for number in sorted(self.watch.epochs) if number >= self.begun[trial]]
        last = next(place for place, epoch in enumerate(following) if epoch.rollout is None)
        return following[: last + 1]

    def answers(self) -> list[Any]:
        """All predictions, a partition after the other."""
        stream = self.watch.stream
        name = PREDICTIONS.name("penstock", stream.name)
        decode = PREDICTIONS.decoder(stream)
        return [record for place in self.log.partitions_of(name) for record in decode(self.log.records_of(place))]


async def send(deployment: InProcessDeployment, start: int, stop: int) -> None:
    await replay_in_stream_time(Loans(start, stop), deployment, DELAY, CHUNK, lambda _: None)
    await deployment.watch.read_to_end()


def declared(**retrain: Any) -> Declaration:
    return demo_declaration().model_copy(update={"retrain": RetrainDeclaration(**retrain)})


async def run() -> Tried:
    """A bad model by canary, then a good one against a bad champion in each other way."""
    start = {"first_after": 500, "cooldown": 300, "settle": 250}
    async with in_process_deployment(declared(on=["drift"], **start)) as deployment:
        name, desk, watch = deployment.watch.stream.name, deployment.registry, deployment.watch
        await send(deployment, 0, TRIED)
        good = watch.epochs[watch.newest_epoch].champion.version
        await desk.apply(declared(on=[], **start))  # from here on nothing is trained
        begun, sent = {}, TRIED
        modes: tuple[RolloutMode, ...] = ("canary", "ab", "shadow", "bandit")
        for mode in modes:
            champion, tried = (good, BAD) if mode == "canary" else (BAD, good)
            if watch.epochs[watch.newest_epoch].champion.version != champion:
                await desk.promote(name, Promotion(champion, watch.newest_epoch))
            await deployment.await_quiet()
            await desk.start_rollout(name, RolloutStart((tried,), mode))
            await deployment.await_quiet()
            await watch.read_to_end()
            begun[mode] = watch.newest_epoch
            await send(deployment, sent, sent + EACH)
            sent += EACH
        return Tried(watch, deployment.log, good, begun)


@pytest.fixture(scope="module")
def tried() -> Tried:
    """The trials, run once."""
    return asyncio.run(run())


def test_a_label_flipped_challenger_forced_through_is_taken_back_within_a_thousand_events(tried: Tried) -> None:
    *during, after = tried.epochs_of("canary")
    answered = Counter(one.data.arm for one in tried.answers() if one.data.epoch in {epoch.epoch for epoch in during})
    assert 0 < answered["challenger"] < answered.total() <= 1000
    assert after.rollout is None
    assert after.champion.version == tried.good
    assert "worse than the champion" in after.detail


@pytest.mark.parametrize("mode", ["ab", "shadow", "bandit"])
def test_a_good_challenger_takes_over_from_a_bad_champion(tried: Tried, mode: str) -> None:
    *during, after = tried.epochs_of(mode)
    assert {epoch.champion.version for epoch in during} == {BAD}
    assert (after.reason, after.champion.version) == ("promotion", tried.good)


def test_an_entity_meets_one_model_as_long_as_its_share_lasts(tried: Tried) -> None:
    split = {epoch.epoch for epoch in tried.epochs_of("ab")[:-1]}
    met: dict[str, set[int]] = {}
    for one in tried.answers():
        if one.data.epoch in split:
            met.setdefault(one.data.entity, set()).add(one.data.version)
    assert {version for versions in met.values() for version in versions} == {BAD, tried.good}
    assert all(len(versions) == 1 for versions in met.values())


def test_a_shadow_answers_nobody(tried: Tried) -> None:
    during = {epoch.epoch for epoch in tried.epochs_of("shadow")[:-1]}
    answers = [one.data for one in tried.answers() if one.data.epoch in during]
    assert {answer.version for answer in answers} == {BAD}
    assert {shadow.version for answer in answers for shadow in answer.shadow} == {tried.good}


def test_a_bandit_gives_the_better_model_more(tried: Tried) -> None:
    shares = [epoch.rollout.challengers[0].share for epoch in tried.epochs_of("bandit") if epoch.rollout is not None]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0] or len(shares) == 1
