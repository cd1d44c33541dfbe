"""A command that waits for services ends when one of them fails for good, and names it."""

from __future__ import annotations

import asyncio

import pytest

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home
from penstock.console.supervision.failing_service import while_services_run
from penstock.console.supervision.lifecycle import stop

from .conftest import ANSWERS, ENDS, HOLDS_A_PARTITION, FakeDeployment, eventually

LOOK_S = 0.05


async def never() -> None:
    await asyncio.Event().wait()


async def test_a_service_that_cannot_start_ends_the_wait_with_its_last_line(
    home: Home, deployment: FakeDeployment
) -> None:
    deployment.start(broker=ANSWERS, validator=ENDS)
    with pytest.raises(ConsoleFailure, match=r"validator ends again and again \(the port of the"):
        await while_services_run(home, never(), LOOK_S)


async def test_a_deployment_that_is_stopped_ends_the_wait(home: Home, deployment: FakeDeployment) -> None:
    deployment.start_ready(broker=ANSWERS)
    waiting = asyncio.create_task(while_services_run(home, never(), LOOK_S))
    await asyncio.to_thread(stop, home)
    with pytest.raises(ConsoleFailure, match="was stopped meanwhile"):
        await waiting


async def test_what_a_service_tries_again_is_told_once_and_does_not_end_the_work(
    home: Home, deployment: FakeDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(deployment.start_ready, broker=ANSWERS, validator=HOLDS_A_PARTITION)
    told: list[str] = []

    async def work() -> str:
        def is_told() -> bool:
            told.append(capsys.readouterr().err)
            return "the batch is corrupt" in "".join(told)

        await asyncio.to_thread(eventually, is_told)
        return "done"

    assert await while_services_run(home, work(), LOOK_S) == "done"
    assert "".join(told).count("validator cannot go on with penstock.loans.events/1") == 1


async def test_the_error_of_the_work_is_its_own(home: Home, deployment: FakeDeployment) -> None:
    deployment.start_ready(broker=ANSWERS)

    async def work() -> None:
        raise ConsoleFailure("the file is damaged")

    with pytest.raises(ConsoleFailure, match="the file is damaged"):
        await while_services_run(home, work(), LOOK_S)
