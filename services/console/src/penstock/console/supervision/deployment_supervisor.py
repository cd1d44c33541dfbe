"""The process that keeps a deployment running: `python -m penstock.console.supervision.deployment_supervisor HOME`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from functools import partial
from pathlib import Path

import httpx

from penstock.console.deployment import Deployment, ProcessRecord
from penstock.console.home import Home
from penstock.console.local_ports import HOST
from penstock.console.process_identity import ProcessIdentity
from penstock.console.process_plan import Plan, ProcessPlan
from penstock.console.supervision.deployment_watch import watch_deployment
from penstock.console.supervision.health_probe import HealthProber
from penstock.console.supervision.log_files import open_log_file
from penstock.console.supervision.restart_requests import RESTART_SIGNAL, pop_restart_requests
from penstock.runtime.stop_signals import stop_event
from penstock.runtime.supervision.process_health import ProcessState
from penstock.runtime.supervision.status_server import port_of, serve_status
from penstock.runtime.supervision.supervised_process import ProcessHooks, ProcessSpec, ProcessStatus, SupervisedProcess
from penstock.runtime.supervision.supervisor import supervise
from penstock.telemetry.logs.start import start_logging

WRITE_AGAIN_S = 5.0

log = logging.getLogger(__name__)


class Supervisor:
    """Runs the processes of a plan, writes the deployment record, and takes restart requests."""

    def __init__(self, plan: Plan, home: Home, prober: HealthProber) -> None:
        self._home = home
        self._deployment = Deployment(
            namespace=plan.namespace,
            bootstrap=plan.bootstrap,
            zipkin=plan.zipkin,
            ports=dict(plan.ports),
            supervisor=ProcessIdentity.of(os.getpid()),
            processes={process.name: _record(process) for process in plan.processes},
        )
        self._processes = {process.name: self._supervised(process, prober) for process in plan.processes}
        self._next_try: asyncio.TimerHandle | None = None
        self._stages = [
            [self._processes[process.name] for process in plan.processes if process.first is first]
            for first in (True, False)
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Run everything until `stop` is set, then return once no process is left."""
        deployment = self._deployment
        async with await serve_status(deployment.model_dump_json, HOST) as server:
            deployment.status_port = port_of(server)
            self._write_record()
            await self._supervise_and_watch(stop)
        deployment.supervisor, deployment.status_port = None, None
        self._write_record()

    async def _supervise_and_watch(self, stop: asyncio.Event) -> None:
        deployment = self._deployment
        watch = watch_deployment(self._home.root, self._states, deployment.bootstrap, deployment.namespace)
        watching = asyncio.create_task(watch)
        try:
            await supervise(self._stages, stop)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _states(self) -> dict[str, ProcessState]:
        return {name: process.status.state for name, process in self._processes.items()}

    def restart_requested(self) -> None:
        """Restart the processes whose restart commands have requested."""
        for name in pop_restart_requests(self._home):
            if name in self._processes:
                log.info("%s is restarted as asked", name)
                self._processes[name].restart()

    def _supervised(self, plan: ProcessPlan, prober: HealthProber) -> SupervisedProcess:
        spec = ProcessSpec(
            plan.name,
            plan.command,
            plan.environment,
            plan.folder,
            grace_s=plan.grace_s,
            start_limit_s=plan.start_limit_s,
            own_group=True,
            awaited=plan.awaited,
        )
        hooks = ProcessHooks(
            probe=partial(prober.probe, plan),
            open_output=partial(open_log_file, self._home.log_file(plan.name)),
            on_change=partial(self._update_record, plan.name),
        )
        return SupervisedProcess(spec, hooks)

    def _update_record(self, name: str, status: ProcessStatus) -> None:
        record = self._deployment.processes[name]
        record.state, record.restarts, record.why = status.state, status.restarts, status.why
        if status.pid is None:
            record.process = None
        elif record.process is None or record.process.pid != status.pid:
            record.process = ProcessIdentity.of(status.pid)
        self._write_record()

    def _write_record(self) -> None:
        """Write the record, later again if it cannot be written now; until then only the status port tells."""
        if self._next_try is not None:
            self._next_try.cancel()
            self._next_try = None
        self._deployment.unwritten = ""
        try:
            self._deployment.write(self._home)
        except OSError as error:
            self._deployment.unwritten = str(error)
            log.error("the deployment record cannot be written: %s", error)
            self._next_try = asyncio.get_running_loop().call_later(WRITE_AGAIN_S, self._write_record)


def _record(plan: ProcessPlan) -> ProcessRecord:
    return ProcessRecord(
        port=plan.port, url=plan.url, ready=plan.ready, children=plan.children, children_port=plan.children_port
    )


async def run_plan(home: Home, caller_pipe: int | None) -> None:
    """Run the plan of `home` until a signal says to stop, or the other end of `caller_pipe` is closed."""
    async with httpx.AsyncClient(trust_env=False) as client:
        supervisor = Supervisor(Plan.read(home), home, HealthProber(client))
        stop = stop_event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(RESTART_SIGNAL, supervisor.restart_requested)
        if caller_pipe is not None:
            loop.add_reader(caller_pipe, _stop_with_caller, caller_pipe, stop)
        await supervisor.run(stop)


def _stop_with_caller(caller_pipe: int, stop: asyncio.Event) -> None:
    asyncio.get_running_loop().remove_reader(caller_pipe)
    log.info("the command that started this has ended")
    stop.set()


def main() -> None:
    """Supervise a home whose lock this process has inherited."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--lock", type=int, required=True, help="descriptor of the lock, held until the end")
    parser.add_argument("--caller-pipe", type=int, help="descriptor of a pipe whose closing means to stop")
    arguments = parser.parse_args()
    start_logging("supervisor", environ={})  # lines of the services alone are sent to collectors
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(run_plan(Home(arguments.home), arguments.caller_pipe))


if __name__ == "__main__":
    main()
