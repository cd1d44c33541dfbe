"""One case tried on a site: traffic, the fault, recovery, rest, and the judgement of what is on the log."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, replace

from penstock.console.declared_streams import await_declared
from penstock.console.log_client import open_log
from penstock.contracts.records.streams import StreamDeclared
from tests.faults.checker.invariants import violations
from tests.faults.checker.ledger import Ledger
from tests.faults.declaration import declaration_of
from tests.faults.ledger_rows import ledger_of
from tests.faults.live.asking import Asked, asking, until_answered
from tests.faults.live.case import LIMITS_S, Case, Result
from tests.faults.live.commands import Operator
from tests.faults.live.live_evidence import evidence_of, lags_of
from tests.faults.live.recovery import until_at_rest, until_recovered
from tests.faults.live.site import Site
from tests.faults.live.traffic import Traffic

FAULT_LIMIT_S = 240.0
RECOVERY_LIMIT_S = 120.0
REST_LIMIT_S = 120.0
AFTER_S = 1.0  # of traffic after the recovery
ASKED = "asked"  # the stream whose predictions over HTTP are asked for
SHOWN = 5  # violations of an invariant
FIRST_TRAINING = 40  # outcomes; no second training comes
NO_TRAINING = 1_000_000


@dataclass
class Trial:
    """What a fault can reach: the site, and the traffic and commands of the case's stream."""

    site: Site
    stream: StreamDeclared
    traffic: Traffic
    operator: Operator
    seed: int


async def prepare(site: Site) -> None:
    """Declare the stream that HTTP predictions are asked of, and wait until they come."""
    await _declare(site, ASKED, NO_TRAINING)
    await until_answered(site, ASKED)


async def try_case(site: Site, case: Case, number: int) -> Result:
    """Try a case on a new stream."""
    result = Result(row=case.row, name=case.name, layer=case.layer, hurt=case.hurt)
    result.limit_s = LIMITS_S.get(case.hurt) if case.is_judged_by_time else None
    stage = "declare the stream"
    try:
        await site.stage.until_ready()
        stream = await _declare(site, f"case-{number}", FIRST_TRAINING if case.trains else NO_TRAINING)
        traffic, operator = Traffic(site, stream.name, number, case.pause_s), Operator(site, stream.name)
        trial = Trial(site, stream, traffic, operator, number)
        commanding = asyncio.create_task(operator.take_back_the_first())
        async with asking(site, ASKED, is_on=case.asks) as asked, traffic.flowing():
            stage = "inflict the fault"
            async with asyncio.timeout(FAULT_LIMIT_S):
                await case.inflict(trial)
            stage, healed = "recover", time.monotonic()
            async with asyncio.timeout(RECOVERY_LIMIT_S):
                await until_recovered(site, stream, traffic, case.hurt)
                result.recovery_s = round(time.monotonic() - healed, 2)
            await asyncio.sleep(AFTER_S)
        await operator.finish(commanding)
        stage, recovered = "come to rest", time.monotonic()
        unrest: list[str] = []
        try:
            async with asyncio.timeout(REST_LIMIT_S):
                await until_at_rest(site, stream)
                result.rest_s = round(time.monotonic() - recovered, 2)
        except TimeoutError:
            unrest = [f"not at rest after {REST_LIMIT_S:g} s", *await _behind(site, stream)]
        stage = "read what is there"
        await _judge(result, trial, asked)
        if unrest:
            result.violations["I8"] = unrest + result.violations.get("I8", [])
    except Exception as error:
        result.failure = f"could not {stage}: {error!r}"
        if stage == "recover":
            result.violations["I8"] = [result.failure, *await _behind(site, stream)]
    result.load = round(os.getloadavg()[0], 1)
    return result


async def _behind(site: Site, stream: StreamDeclared) -> list[str]:
    """The processes that are not ready, and the groups that are behind, and how far."""
    deployment = site.stage.deployment
    unready = [f"{name} is {record.state}" for name, record in deployment.processes.items() if not record.is_ready]
    async with open_log(deployment) as log:
        lags = await lags_of(log, deployment.namespace, stream)
    return unready + [f"{group} is {lag} behind" for group, lag in lags.items() if lag]


async def _judge(result: Result, trial: Trial, asked: Asked) -> None:
    site, operations = trial.site, trial.traffic.producer.operations
    async with evidence_of(site, trial.stream, operations, trial.operator.commands) as evidence:
        ledger = replace(await ledger_of(evidence), http_statuses=tuple(asked.statuses))
    result.violations = {name: found[:SHOWN] for name, found in violations(ledger).items()}
    result.counts = _counts(ledger, asked)


def _counts(ledger: Ledger, asked: Asked) -> dict[str, int]:
    answers = Counter(operation.answer for operation in ledger.operations)
    names = ("events sent", "labels sent", "outcomes", "models registered", "epochs")
    return {
        **{name: ledger.counts[name] for name in names},
        "acknowledged": answers["ok"],
        "unknown": answers["info"],
        "refused": answers["fail"],
        "commands": len(ledger.commands),
        "commands of unknown outcome": sum(command.answer == "info" for command in ledger.commands),
        "predictions over HTTP": len(asked.statuses),
        "predictions of unknown outcome": asked.unknown,
    }


async def _declare(site: Site, name: str, first_after: int) -> StreamDeclared:
    retrain = {"first_after": first_after, "cooldown": NO_TRAINING, "growth": NO_TRAINING}
    declared = declaration_of(0).model_dump(mode="json", exclude_unset=True)
    await site.stage.declare(**declared | {"name": name, "retrain": retrain})
    deployment = site.stage.deployment
    async with open_log(deployment) as log:
        return await await_declared(log, deployment.namespace, name)
