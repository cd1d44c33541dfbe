"""`run`: a service from its settings to its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvicorn
import uvloop
from starlette.applications import Starlette

from penstock.bus.kafka.log import KafkaLog
from penstock.bus.memory.log import system_clock
from penstock.bus.publisher import Publisher
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.topics import control_topics
from penstock.contracts.records.streams import Streams
from penstock.runtime.health import Health
from penstock.runtime.http.single_write import OneWrite
from penstock.runtime.retries import close_quietly, follow_forever, retry_until_available
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import ServiceSettings, SettingsError, read_settings
from penstock.telemetry.environment import BadTelemetrySetting
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry, start_telemetry

S = TypeVar("S", bound=ServiceSettings)
Build = Callable[[S, Resources], Service]


log = logging.getLogger("penstock.runtime")


def run(name: str, settings_type: type[S], build: Build[S]) -> None:
    """Run a service until it is told to stop (SIGTERM, SIGINT), and exit the process.

    Exit codes: 0 told to stop, 2 a setting is wrong or the port is taken, 1 a bug ended it.
    """
    try:
        settings = read_settings(settings_type)
    except SettingsError as error:
        sys.exit(_complain(f"{name}: {error}"))
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format=f"%(asctime)s %(levelname)s {name} %(message)s"
    )
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    _tame_collector()
    sys.exit(_outcome(name, lambda: uvloop.run(_live(name, settings, build))))


def _outcome(name: str, live: Callable[[], None]) -> int:
    code = 0
    try:
        live()
    except* SettingsError as errors:
        code = _complain(f"{name}: {_first(errors)}")
    except* Exception as faults:
        log.error("stopped by a fault", exc_info=faults)
        code = 1
    return code


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _complain(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 2


def _tame_collector() -> None:
    """Batches of thousands of small objects would set off a collection every 700 of them."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


async def _live(name: str, settings: S, build: Build[S]) -> None:
    stop = _stop_signal()
    address = _listening(settings)
    telemetry = _telemetry(name)
    kafka = KafkaLog(settings.connection(), settings.namespace, name, settings.kafka_replication_factor)
    streams = Streams()
    resources = Resources(
        namespace=settings.namespace,
        log=kafka,
        streams=streams,
        publisher=Publisher(kafka, settings.namespace, streams),
        telemetry=telemetry,
        clock=system_clock,
        state_stores=RocksStateStores(settings.data_folder / "state"),
        metrics=Metrics(),
    )
    service = build(settings, resources)
    health = Health(name, service.health, resources.metrics)
    try:
        async with asyncio.TaskGroup() as group:
            server = group.create_task(_serve(_app(service, health), address, stop))
            work = group.create_task(_work(service, resources, health))
            await stop.wait()
            work.cancel()
            await server
    finally:
        await close_quietly(resources.publisher.close)
        await kafka.close()
        telemetry.shutdown()


def _telemetry(name: str) -> Telemetry:
    try:
        return start_telemetry(f"penstock-{name}")
    except BadTelemetrySetting as error:
        raise SettingsError(str(error)) from error


def _listening(settings: ServiceSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        address = socket.create_server((settings.host, settings.port), family=family, reuse_port=settings.share_port)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise SettingsError(f"cannot listen on {where}: {_said(error)}; set PENSTOCK_PORT") from error
    # Connections inherit it; the loop sets it only on sockets it made itself, and without it an answer waits 40 ms.
    address.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return address


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).partition(" (while")[0]


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _app(service: Service, health: Health) -> Starlette:
    app = service.app or Starlette()
    app.router.routes[:0] = health.routes()
    return app


class _Server(uvicorn.Server):
    """A server that leaves signals to the runtime."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(app: Starlette, address: socket.socket, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        app,
        http=OneWrite,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        lifespan="auto",
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[address]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:  # a fault elsewhere cancels this: requests under way are answered all the same
        stopping.cancel()
        server.should_exit = True
        await serving
    if not stop.is_set():
        raise RuntimeError("the HTTP server stopped by itself")


async def _work(service: Service, resources: Resources, health: Health) -> None:
    followers = [resources.follow_streams(), *service.followers]
    await retry_until_available(lambda: resources.log.create(control_topics(resources.namespace)))
    for follower in followers:
        await retry_until_available(follower.start)
    workers = [resources.worker(group) for group in service.groups]
    health.watch(workers)
    async with asyncio.TaskGroup() as tasks:
        for follower in followers:
            tasks.create_task(follow_forever(follower))
        for worker in workers:
            tasks.create_task(worker.run())
        for task in service.tasks:
            tasks.create_task(_await(task()))
        health.ready = True


async def _await(work: Awaitable[None]) -> None:
    await work
