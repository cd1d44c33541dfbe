"""The same client for programs without an event loop: each method waits for that of the asynchronous one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from threading import Thread
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

import httpx

from penstock.client.deployment import PATIENCE, AsyncPenstock
from penstock.client.stream import AsyncStream

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")


class LoopThread:
    """An event loop in a thread of its own, which ends with the process; notebooks have one in theirs already."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, name="penstock-client", daemon=True).start()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Wait for a coroutine; an interrupt of the caller cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Let the thread end."""
        self._loop.call_soon_threadsafe(self._loop.stop)


class Waiting(Generic[A]):
    """An asynchronous object, and the loop on which its methods run."""

    def __init__(self, asynchronous: A, loop: LoopThread) -> None:
        self._asynchronous = asynchronous
        self._loop = loop


def waiting(method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]]) -> Callable[Concatenate[Waiting[A], P], R]:
    """The method that waits for an asynchronous one."""

    @wraps(method)
    def wait(self: Waiting[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._loop.run(method(self._asynchronous, *args, **kwargs))

    return wait


class Stream(Waiting[AsyncStream]):
    """A stream of a deployment, by its name."""

    def __repr__(self) -> str:
        """The stream's name."""
        return f"{type(self).__name__}({self.name!r})"

    @property
    def name(self) -> str:
        """The stream's name."""
        return self._asynchronous.name

    send = waiting(AsyncStream.send)
    label = waiting(AsyncStream.label)
    predict = waiting(AsyncStream.predict)
    answer = waiting(AsyncStream.answer)
    view = waiting(AsyncStream.view)
    declaration = waiting(AsyncStream.declaration)
    quality = waiting(AsyncStream.quality)
    models = waiting(AsyncStream.models)
    epochs = waiting(AsyncStream.epochs)
    runs = waiting(AsyncStream.runs)
    ledger = waiting(AsyncStream.ledger)
    why = waiting(AsyncStream.why)
    outcomes = waiting(AsyncStream.outcomes)
    model = waiting(AsyncStream.model)
    proposals = waiting(AsyncStream.proposals)
    rollout = waiting(AsyncStream.rollout)
    start_rollout = waiting(AsyncStream.start_rollout)
    pause_rollout = waiting(AsyncStream.pause_rollout)
    resume_rollout = waiting(AsyncStream.resume_rollout)
    abort_rollout = waiting(AsyncStream.abort_rollout)
    promote_rollout = waiting(AsyncStream.promote_rollout)
    promote = waiting(AsyncStream.promote)
    roll_back = waiting(AsyncStream.roll_back)
    release = waiting(AsyncStream.release)
    retrain = waiting(AsyncStream.retrain)
    pause = waiting(AsyncStream.pause)
    resume = waiting(AsyncStream.resume)
    delete = waiting(AsyncStream.delete)


class Penstock(Waiting[AsyncPenstock]):
    """A deployment, by the address of its registry, which tells where the other services are.

    Args:
        url: of the registry; by default the variable PENSTOCK_URL, else this machine's.
        actor: who gives commands, for the audit log; by default `operator`.
        patience: seconds for which a request is repeated while a service is away or overloaded.
        in_flight: how many batches are on the way at once; with one, rows keep their order.
        services: addresses by name (`ingestion`, `server`), where those that the registry tells are not reached.
        transport: carries requests out in place of the network.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        actor: str | None = None,
        patience: float = PATIENCE,
        in_flight: int = 1,
        services: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        asynchronous = AsyncPenstock(
            url, actor=actor, patience=patience, in_flight=in_flight, services=services, transport=transport
        )
        super().__init__(asynchronous, LoopThread())

    def __repr__(self) -> str:
        """The address."""
        return f"{type(self).__name__}({self._asynchronous.url!r})"

    def __enter__(self) -> Self:
        """The client, closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections, and end the thread."""
        self._loop.run(self._asynchronous.close())
        self._loop.stop()

    def stream(self, name: str) -> Stream:
        """A stream by its name."""
        return Stream(self._asynchronous.stream(name), self._loop)

    streams = waiting(AsyncPenstock.streams)
    apply = waiting(AsyncPenstock.apply)
    sql = waiting(AsyncPenstock.sql)
    alerts = waiting(AsyncPenstock.alerts)
    proposals = waiting(AsyncPenstock.proposals)
    approve = waiting(AsyncPenstock.approve)
    decline = waiting(AsyncPenstock.decline)
