"""The process that keeps a deployment running: `python -m penstock.console.supervision.supervisor HOME`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

import httpx

from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.process_plan import Plan
from penstock.console.supervision.health_probe import Prober
from penstock.console.supervision.process_identity import ProcessIdentity
from penstock.console.supervision.process_keeper import Ask, Keeper, Wish
from penstock.console.supervision.restart_requests import LOOK, take_restarts

log = logging.getLogger(__name__)


class Supervisor:
    """Runs the processes of a plan: those marked `first`, then the others; stops them the other way round."""

    def __init__(self, plan: Plan, home: Home, ask: Ask) -> None:
        self._home = home
        self._keepers = {process.name: Keeper(process, home, ask, self._publish) for process in plan.processes}
        self._deployment = Deployment(
            namespace=plan.namespace,
            bootstrap=plan.bootstrap,
            zipkin=plan.zipkin,
            ports=dict(plan.ports),
            supervisor=ProcessIdentity.of(os.getpid()),
            processes={name: keeper.record for name, keeper in self._keepers.items()},
        )
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End everything."""
        self._stop.set()

    def look_for_restarts(self) -> None:
        """Restart what commands asked to restart."""
        for name in take_restarts(self._home):
            if name in self._keepers:
                log.info("%s is restarted as asked", name)
                self._keepers[name].wish(Wish.RESTART)

    async def run(self) -> None:
        """Run until `stop`, then return once no process is left."""
        self._publish()
        try:
            await self._run_in_order()
        finally:
            for keeper in reversed(self._keepers.values()):
                keeper.kill()
        self._deployment.supervisor = None
        self._publish()

    async def _run_in_order(self) -> None:
        first = [keeper for keeper in self._keepers.values() if keeper.plan.first]
        others = [keeper for keeper in self._keepers.values() if not keeper.plan.first]
        async with asyncio.TaskGroup() as tasks:
            kept_first = [tasks.create_task(keeper.keep()) for keeper in first]
            await self._ready_or_stopped(first)
            kept = [] if self._stop.is_set() else [tasks.create_task(keeper.keep()) for keeper in others]
            await self._stop.wait()
            await _stop(others, kept)
            await _stop(first, kept_first)

    async def _ready_or_stopped(self, keepers: list[Keeper]) -> None:
        stopped = asyncio.ensure_future(self._stop.wait())
        for keeper in keepers:
            ready = asyncio.ensure_future(keeper.ready.wait())
            await asyncio.wait({stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
        stopped.cancel()

    def _publish(self) -> None:
        try:
            self._deployment.write(self._home)
        except OSError as error:
            log.error("the deployment record cannot be written: %s", error)


async def _stop(keepers: list[Keeper], kept: list[asyncio.Task[None]]) -> None:
    for keeper in reversed(keepers):
        keeper.wish(Wish.STOP)
    await asyncio.gather(*kept)


async def supervise(home: Home, tie: int | None) -> None:
    """Run the plan of `home` until a signal says to stop, or the other end of the pipe `tie` is closed."""
    async with httpx.AsyncClient(trust_env=False) as client:
        supervisor = Supervisor(Plan.read(home), home, Prober(client).ask)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, supervisor.stop)
        loop.add_signal_handler(LOOK, supervisor.look_for_restarts)
        if tie is not None:
            loop.add_reader(tie, _untie, tie, supervisor)
        await supervisor.run()


def _untie(tie: int, supervisor: Supervisor) -> None:
    asyncio.get_running_loop().remove_reader(tie)
    log.info("the command that started this has ended")
    supervisor.stop()


def main() -> None:
    """Supervise a home whose lock this process has inherited."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--lock", type=int, required=True, help="descriptor of the lock, held until the end")
    parser.add_argument("--tie", type=int, help="descriptor of a pipe whose closing means to stop")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(supervise(Home(given.home), given.tie))


if __name__ == "__main__":
    main()
