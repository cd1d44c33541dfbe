"""One life of a member of a service's group: its worker, its followers, and what it does beside."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from penstock.bus.errors import TransientError
from penstock.bus.follower import Follower
from penstock.bus.worker.worker import Worker
from penstock.runtime.service import Resources, Service
from tests.faults.faulty_log import FaultyLog
from tests.faults.life import Crash, Life

PAUSE = 3600  # seconds that pass each time a failing unit is looked at


class Member:
    """`beside` is done at each step, as a service's tasks do it from time to time."""

    def __init__(
        self,
        life: Life,
        log: FaultyLog,
        resources: Resources,
        service: Service,
        beside: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self.life = life
        self.log = log
        self.worker: Worker = resources.worker(service.groups[0])
        self.worker._retries._clock = itertools.count(0, PAUSE).__next__  # whatever waits for another try is due
        self.followers: list[Follower] = [resources.follow_streams(), *service.followers]
        self.beside = beside
        self.started = False

    async def step(self) -> int:
        """Follow, and handle what is there; an outage drops the session, a crash ends the life.

        Raises:
            Crash: the life is over.
        """
        try:
            handled = await self._follow()
            for work in self.beside:
                await work()
            handled += await self.worker.step(0)
        except TransientError:
            await self.worker.abandon()
            handled = 1
        if self.life.over:
            raise Crash(self.life.name)
        return handled

    async def _follow(self) -> int:
        if self.started:
            return sum([await follower.step(0) for follower in self.followers])
        for follower in self.followers:
            await follower.start()
        self.started = True
        return len(self.followers)

    async def expire_session(self) -> None:
        """Be silent for too long: others take over."""
        for source in self.log.sources:
            if source.member in source.member._group.members:
                await source.member.expire_session()

    async def bury(self) -> None:
        """The session ends, and others take over; nothing is written or committed."""
        self.life.over = True
        await self.worker._writer.cancel()
        committing = self.worker._commits._task
        if committing is not None:
            await asyncio.gather(committing, return_exceptions=True)
        for source in self.log.sources:
            if source.member in source.member._group.members:
                with suppress(Crash, TransientError):
                    await source.member.expire_session()
