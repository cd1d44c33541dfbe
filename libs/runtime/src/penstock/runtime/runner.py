"""`run`: a service from its settings to its exit code."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import uvicorn
import uvloop
from starlette.applications import Starlette

from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.unit_retries import NEW_VERSION_S
from penstock.runtime.broker_retries import follow_forever, retry_until_available
from penstock.runtime.checkpoints import open_checkpoints, with_checkpoints
from penstock.runtime.durability import Durability, check_durability
from penstock.runtime.health import Health
from penstock.runtime.http.limited_protocol import LimitedProtocol, Traffic
from penstock.runtime.http.request_limits import RequestLimits, affordable_connections
from penstock.runtime.process_watch import watch_process
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import ServiceSettings, SettingsError, read_settings
from penstock.runtime.stop_signals import stop_event
from penstock.runtime.version_history import VersionHistory
from penstock.telemetry.environment import BadTelemetrySetting
from penstock.telemetry.logs.start import start_logging
from penstock.telemetry.metrics import Metrics

S = TypeVar("S", bound=ServiceSettings)
Build = Callable[[S, Resources], Service]

log = logging.getLogger("penstock.runtime")


def run(name: str, settings_type: type[S], build: Build[S]) -> None:
    """Run a service until it is stopped (SIGTERM, SIGINT), and exit the process.

    Exit codes: 0 stopped, 2 a setting is wrong or the port is taken, 1 a bug ended it.
    """
    try:
        settings = read_settings(settings_type)
        start_logging(name, settings.log_level, settings.log_format)
    except (SettingsError, BadTelemetrySetting) as error:
        sys.exit(_report_setting_error(f"{name}: {error}"))
    _silence_libraries()
    _tune_garbage_collector()
    sys.exit(_exit_code(name, lambda: uvloop.run(_run_service(name, settings, build))))


def _silence_libraries() -> None:
    """What fails for good is raised to us and told in one line; what a start waits for is no error."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for library in ("uvicorn", "httpx"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _exit_code(name: str, run_service: Callable[[], None]) -> int:
    code = 0
    try:
        run_service()
    except* SettingsError as errors:
        code = _report_setting_error(f"{name}: {_first(errors)}")
    except* Exception as errors:
        log.error("stopped by an error", exc_info=_first(errors))
        code = 1
    return code


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _report_setting_error(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 2


def _tune_garbage_collector() -> None:
    """By default a collection starts every 700 new objects; batches have thousands of small ones."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


async def _run_service(name: str, settings: S, build: Build[S]) -> None:
    stop = stop_event()
    listener = _open_socket(settings)
    metrics = Metrics()
    state_stores = RocksStateStores(settings.data_folder / "state", metrics.count_corrupt_state)
    checkpoints = open_checkpoints(settings, state_stores, metrics)
    history = VersionHistory(settings.data_folder)
    is_new = history.is_new()
    resources = Resources.connect(name, settings, checkpoints or state_stores, metrics, is_new_version=is_new)
    asyncio.get_running_loop().call_later(NEW_VERSION_S, history.record)
    try:
        service = build(settings, resources)
        if checkpoints is not None:
            service = with_checkpoints(service, checkpoints, settings.checkpoint_seconds)
        try:
            await _run_until(stop, name, service, resources, listener, settings)
        finally:
            service.close()
    finally:
        await resources.close()
        if checkpoints is not None:
            await checkpoints.close()


async def _run_until(
    stop: asyncio.Event,
    name: str,
    service: Service,
    resources: Resources,
    listener: socket.socket,
    settings: ServiceSettings,
) -> None:
    health = Health(name, service.health, resources.metrics, service.waits_for, service.failures)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(_serve(_app(service, health), listener, stop, settings.request_limits()))
        work = group.create_task(_work(service, resources, health, settings.durability))
        watch = group.create_task(watch_process(resources.metrics.process, settings.data_folder))
        await stop.wait()
        work.cancel()
        watch.cancel()
        await server


def _open_socket(settings: ServiceSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, reuse_port=settings.share_port)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise SettingsError(f"cannot listen on {where}: {_reason(error)}; set PENSTOCK_PORT") from error
    # Connections inherit it; the loop sets it only on sockets it made itself, and without it an answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).partition(" (while")[0]


def _app(service: Service, health: Health) -> Starlette:
    app = service.app or Starlette()
    app.router.routes[:0] = health.routes()
    return app


class _Server(uvicorn.Server):
    """A server that leaves signals to the runtime."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(app: Starlette, listener: socket.socket, stop: asyncio.Event, limits: RequestLimits) -> None:
    config = uvicorn.Config(
        app,
        http=partial(LimitedProtocol, Traffic(limits, affordable_connections(limits))),  # type: ignore[arg-type]
        timeout_keep_alive=limits.idle_seconds,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        lifespan="auto",
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:  # an error elsewhere cancels this: requests under way are answered all the same
        stopping.cancel()
        server.should_exit = True
        await serving
    if not stop.is_set():
        raise RuntimeError("the HTTP server stopped by itself")


async def _work(service: Service, resources: Resources, health: Health, durability: Durability) -> None:
    followers = [resources.follow_streams(), *service.followers]
    health.watch_followers(followers)
    retry = partial(retry_until_available, note=health.note_start_failure)
    await retry(lambda: resources.log.create(control_topics(resources.namespace)))
    for follower in followers:
        await retry(follower.start)
    workers = [resources.worker(group) for group in service.groups]
    health.watch(workers)
    async with asyncio.TaskGroup() as tasks:
        for follower in followers:
            tasks.create_task(_forever(follow_forever(follower), "a follower"))
        await retry(lambda: check_durability(durability, resources.log, resources.namespace, resources.streams))
        for worker in workers:
            tasks.create_task(_forever(worker.run(), f"the worker of {worker.group.name}"))
        for task in service.tasks:
            tasks.create_task(_await(task()))
        health.started = True
        log.info("started")


async def _forever(work: Awaitable[None], name: str) -> None:
    """Await what ends only when the service is stopped.

    Raises:
        RuntimeError: it ended by itself. A task group would take one that was cancelled from within for stopped.
    """
    task = asyncio.current_task()
    try:
        await work
    except asyncio.CancelledError:
        if task is not None and task.cancelling():
            raise
    raise RuntimeError(f"{name} ended by itself")


async def _await(work: Awaitable[None]) -> None:
    await work
