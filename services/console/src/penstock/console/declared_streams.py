"""The streams that a deployment has: reading their declarations from the log, and declaring a numbered one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from penstock.bus.ports import Log
from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.log_client import open_log, read_control_topic
from penstock.console.poll import poll
from penstock.console.services_client import open_services
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import STREAMS

POLL_S = 0.05


async def declared_streams(log: Log, namespace: str) -> Streams:
    """Every stream that has been declared so far."""
    streams = Streams()
    await read_control_topic(log, namespace, STREAMS, streams.apply)
    return streams


async def require_stream(log: Log, namespace: str, name: str) -> StreamDeclared:
    """The newest declaration of a stream.

    Raises:
        ConsoleFailure: no stream of that name is declared, or it was deleted.
    """
    declared = await require_known_stream(log, namespace, name)
    if declared.deletion is not None:
        raise wrong_input(f"stream {name!r} was deleted by {declared.deletion.by}; see: penstock stream show {name}")
    return declared


async def require_known_stream(log: Log, namespace: str, name: str) -> StreamDeclared:
    """The newest declaration of a stream, also of one that was deleted: its history stays.

    Raises:
        ConsoleFailure: no stream of that name was ever declared.
    """
    declared = (await declared_streams(log, namespace)).known(name)
    if declared is None:
        raise wrong_input(f"no stream {name!r} is declared; see: penstock stream list")
    return declared


async def await_declared(log: Log, namespace: str, name: str) -> StreamDeclared:
    """The declaration of a stream, once it is on the log."""

    async def find() -> StreamDeclared | None:
        return (await declared_streams(log, namespace)).get(name)

    return await poll(find, POLL_S)


async def declare_numbered_stream(
    deployment: Deployment, declaration: Declaration, *, resume: bool = False
) -> StreamDeclared:
    """Declare the stream `<name>-<n>` for a run of its own, with the next free number; returns once it is on the log.

    With `resume`, the newest such stream is used as it is.

    Raises:
        ConsoleFailure: there is no stream to resume, or the registry refused the declaration.
    """
    namespace = deployment.namespace
    async with open_log(deployment) as kafka_log:
        number = newest_number(declaration.name, (await declared_streams(kafka_log, namespace)).known_names())
        if resume and not number:
            raise wrong_input(f"there is no replay of {declaration.name!r} to go on with")
        name = f"{declaration.name}-{number if resume else number + 1}"
        if not resume:
            async with open_services(deployment) as services:
                await services.declare(name, declaration.model_copy(update={"name": name}).model_dump_json())
        return await await_declared(kafka_log, namespace, name)


def newest_number(name: str, streams: Iterable[str]) -> int:
    """The highest n of the streams called `<name>-<n>`, 0 if there is none.

    >>> newest_number("loans", ["loans", "loans-2", "loans-10", "loans-x"])
    10
    """
    pattern = re.compile(rf"{re.escape(name)}-(\d+)")
    return max((int(match.group(1)) for stream in streams if (match := pattern.fullmatch(stream))), default=0)
