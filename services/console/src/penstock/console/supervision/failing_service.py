"""A command that waits for services ends, with the reason, when one of them fails for good."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from penstock.console.deployment import Deployment, ProcessRecord
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, home_from_environment
from penstock.console.poll import poll
from penstock.console.service_failures import failures_of
from penstock.console.supervision.lasting_failures import LastingFailures
from penstock.console.supervision.log_files import last_lines
from penstock.console.supervision.log_line import plain_line
from penstock.runtime.supervision.process_health import ProcessState

LOOK_S = 2.0
LONGEST_LINE = 200

T = TypeVar("T")


async def while_services_run(home: Home, work: Coroutine[Any, Any, T], look_s: float = LOOK_S) -> T:
    """The result of `work`, which is cancelled when a service of the deployment in `home` fails.

    Raises:
        ConsoleFailure: a service ends again and again, or the deployment was stopped.
    """
    task = asyncio.create_task(work)
    failure = asyncio.create_task(_first_failure(home, look_s))
    try:
        await asyncio.wait((task, failure), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise failure.result()
        return task.result()
    finally:
        for each in (task, failure):
            each.cancel()
        await asyncio.gather(task, failure, return_exceptions=True)


async def while_deployment_runs(deployment: Deployment, work: Coroutine[Any, Any, T]) -> T:
    """`while_services_run` for the home's deployment; the services of one elsewhere its own supervisor watches."""
    return await (work if deployment.remote else while_services_run(home_from_environment(), work))


async def _first_failure(home: Home, look_s: float) -> ConsoleFailure:
    """What ends the command; what services go on trying again meanwhile is told, once."""
    lasting = LastingFailures()

    async def look() -> ConsoleFailure | None:
        deployment = Deployment.read(home)
        failure = service_failure(home, deployment)
        if failure is None and deployment is not None:
            is_broker_away = "broker" in deployment.processes and not deployment.processes["broker"].is_ready
            for line in lasting.after({} if is_broker_away else await asyncio.to_thread(failures_of, deployment)):
                print(line, file=sys.stderr)  # noqa: T201
        return failure

    return await poll(look, look_s)


def service_failure(home: Home, deployment: Deployment | None) -> ConsoleFailure | None:
    """Which service ends again and again, with its last line, or that nothing runs any more; None if all is well."""
    if deployment is None or not deployment.is_supervised:
        return ConsoleFailure(f"Penstock was stopped meanwhile; see {home.log_file('supervisor')}.")
    services = {name: record for name, record in deployment.processes.items() if name != "broker"}  # it is waited out
    return failing_process(home, services)


def failing_process(home: Home, processes: Mapping[str, ProcessRecord]) -> ConsoleFailure | None:
    """Which of the processes ends again and again, with the last line of its log; None if none does."""
    for name, record in processes.items():
        if record.state is ProcessState.FAILING:
            last_line = plain_line(next(iter(last_lines(home.log_file(name), 1)), "it wrote nothing"))
            return ConsoleFailure(
                f"{name} ends again and again ({last_line.strip()[:LONGEST_LINE]}). See: penstock logs {name}"
            )
    return None
