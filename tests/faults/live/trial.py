"""Cases tried on a site: traffic, the fault, recovery, rest, and the judgement of what is on the log."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
TRAINING_LIMIT_S = 120.0
REST_LIMIT_S = 120.0
AFTER_S = 1.0  # of traffic after the recovery
ASKED = "asked"  # the stream whose predictions over HTTP are asked for
SHOWN = 5  # violations of an invariant
FIRST_TRAINING = 25  # outcomes; no second training comes
NO_TRAINING = 1_000_000


@dataclass
class Trial:
    """What a fault can reach: the site, and the traffic and commands of the case's stream; and what is told of it."""

    site: Site
    case: Case
    stream: StreamDeclared
    traffic: Traffic
    operator: Operator
    seed: int
    asked: Asked = field(default_factory=Asked)


async def prepare(site: Site) -> None:
    """Declare the stream that HTTP predictions are asked of, and wait until they come."""
    await _declare(site, ASKED, NO_TRAINING)
    await until_answered(site, ASKED)


async def try_together(site: Site, cases: Sequence[Case], first_number: int) -> list[Result]:
    """Try cases at the same time, each on a new stream; once all faults are over, each is judged at rest."""
    results = [_nothing_yet(case, cases) for case in cases]
    try:
        await site.stage.until_ready()
        trials = [await _begin(site, case, first_number + place, len(cases)) for place, case in enumerate(cases)]
    except Exception as error:
        for result in results:
            result.failure = f"could not declare the streams: {error!r}"
        return results
    whole = await asyncio.gather(*map(_suffer, trials, results))
    rested = zip(trials, results, whole, strict=True)
    await asyncio.gather(*(_come_to_rest(trial, result) for trial, result, is_whole in rested if is_whole))
    for result in results:
        result.load = round(os.getloadavg()[0], 1)
    return results


def _nothing_yet(case: Case, company: Sequence[Case]) -> Result:
    return Result(
        row=case.row,
        name=case.name,
        layer=case.layer,
        hurt=case.hurt,
        limit_s=LIMITS_S.get(case.hurt) if case.is_judged_by_time else None,
        beside=[other.key for other in company if other is not case],
    )


async def _begin(site: Site, case: Case, number: int, sharing: int) -> Trial:
    """Declare the stream of a case; the traffic of all that share the deployment is that of one or two."""
    stream = await _declare(site, f"case-{number}", FIRST_TRAINING if case.trains else NO_TRAINING)
    traffic = Traffic(site, stream.name, number, case.pause_s * (sharing + 1) / 2)
    return Trial(site, case, stream, traffic, Operator(site, stream.name), number)


async def _suffer(trial: Trial, result: Result) -> bool:
    """Have the fault of a case and wait until it is recovered from; whether it was, else the result tells why not."""
    site, case, stream, traffic = trial.site, trial.case, trial.stream, trial.traffic
    stage = "inflict the fault"
    commanding = asyncio.create_task(trial.operator.take_back_the_first())
    try:
        async with asking(site, ASKED, is_on=case.asks) as trial.asked, traffic.flowing():
            async with asyncio.timeout(FAULT_LIMIT_S):
                await case.inflict(trial)
            stage, healed = "recover", time.monotonic()
            async with asyncio.timeout(RECOVERY_LIMIT_S):
                await until_recovered(site, stream, traffic, case.hurt)
                result.recovery_s = round(time.monotonic() - healed, 2)
            await asyncio.sleep(AFTER_S)
            if case.trains:
                stage = "bring the first model into service"
                async with asyncio.timeout(TRAINING_LIMIT_S):
                    await trial.operator.promotes.wait()
        await trial.operator.finish(commanding)
    except Exception as error:
        result.failure = f"could not {stage}: {error!r}"
        if stage != "inflict the fault":
            result.violations["I8"] = [result.failure, *await _behind(trial)]
        return False
    finally:
        commanding.cancel()
    return True


async def _come_to_rest(trial: Trial, result: Result) -> None:
    """Wait until nothing is left to do, and judge what is there."""
    unrest, recovered, stage = list[str](), time.monotonic(), "come to rest"
    try:
        try:
            async with asyncio.timeout(REST_LIMIT_S):
                await until_at_rest(trial.site, trial.stream)
                result.rest_s = round(time.monotonic() - recovered, 2)
        except TimeoutError:
            unrest = [f"not at rest after {REST_LIMIT_S:g} s", *await _behind(trial)]
        stage = "read what is there"
        await _judge(result, trial)
    except Exception as error:
        result.failure = f"could not {stage}: {error!r}"
    if unrest:
        result.violations["I8"] = unrest + result.violations.get("I8", [])


async def _behind(trial: Trial) -> list[str]:
    """The processes that are not ready, and the groups that are behind, and how far."""
    deployment = trial.site.stage.deployment
    unready = [f"{name} is {record.state}" for name, record in deployment.processes.items() if not record.is_ready]
    async with open_log(deployment) as log:
        lags = await lags_of(log, deployment.namespace, trial.stream)
    return unready + [f"{group} is {lag} behind" for group, lag in lags.items() if lag]


async def _judge(result: Result, trial: Trial) -> None:
    site, asked, operations = trial.site, trial.asked, trial.traffic.producer.operations
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
