"""Asking one process how it is: whether it lives, whether it answers now, and what it says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil
from pydantic import ValidationError

from penstock.console.broker.broker_probe import broker_answers
from penstock.console.deployment import ProcessRecord
from penstock.console.local_ports import HOST
from penstock.console.process_plan import KAFKA_SCHEME
from penstock.console.status.ask import LIMIT_S, SILENT, Answer, ask
from penstock.console.status.report import ChildStatus, ProcessReport
from penstock.runtime.supervision.process_health import ProcessState


async def probe(
    client: httpx.AsyncClient, name: str, record: ProcessRecord, *, supervised: bool, remote: bool = False
) -> ProcessReport:
    """Ask a process and what is under it, all at once, each for at most 2 s; a remote one lives if it answers."""
    ready, health, children, *under = await asyncio.gather(
        _ready(client, record),
        _http(client, f"{record.url}/healthz"),
        _http(client, f"http://{HOST}:{record.children_port}/") if record.children_port else _nothing(),
        *(_http(client, f"{child}/{path}") for child in record.children for path in ("readyz", "healthz")),
    )
    under_ready, under_health = under[::2], under[1::2]
    members = record.process.group() if record.process else []
    alive = not ready.failure if remote else record.process is not None and record.process.find() is not None
    found = _children([*health.document.get("children", ()), *children.document.get("children", ())], under_ready)
    why = _why_unready(record, ready, health, under_ready, alive=alive or remote, supervised=supervised)
    return ProcessReport(
        name=name,
        state=_state(record, alive=alive, ready=not why, supervised=supervised),
        ready=not why,
        why=why,
        last_end=record.why,
        alive=alive,
        pid=record.process.pid if record.process and alive else None,
        port=record.port,
        started=datetime.fromtimestamp(record.process.created, UTC) if record.process and alive else None,
        restarts=record.restarts,
        memory_bytes=sum(map(_memory, members)),
        last_progress=_last_progress([health, *under_health]),
        failing={what: why for each in (health, *under_health) for what, why in _texts(each, "failing").items()},
        children=tuple(found),
    )


async def _ready(client: httpx.AsyncClient, record: ProcessRecord) -> Answer:
    if record.url.startswith("http"):
        return await _http(client, record.ready or f"{record.url}/readyz")
    address = (record.ready or record.url).removeprefix(KAFKA_SCHEME)
    return Answer(well=True) if await broker_answers(address, LIMIT_S) else Answer(failure=SILENT)


async def _http(client: httpx.AsyncClient, address: str) -> Answer:
    return await ask(client, address) if address.startswith("http") else Answer()


async def _nothing() -> Answer:
    return Answer()


def _why_unready(
    record: ProcessRecord, ready: Answer, health: Answer, under: Sequence[Answer], *, alive: bool, supervised: bool
) -> str:
    """Why a process is not ready, empty if it is."""
    if not alive:
        return f"it has no process{_ended(record, supervised=supervised)}"
    if ready.failure:
        return f"its process {ready.failure}{_ended_before(record)}"
    if stuck := health.document.get("stuck"):
        return f"{', '.join(map(str, stuck))} is stuck: a handler does not return"
    if not ready.well:
        return f"it waits for {_waits_for(ready)}"
    unready = [(f"stream-{number}", answer) for number, answer in enumerate(under, 1) if not answer.well]
    return "; ".join(
        f"its child {name} {answer.failure or f'waits for {_waits_for(answer)}'}" for name, answer in unready
    )


def _ended(record: ProcessRecord, *, supervised: bool) -> str:
    end = f"; it {record.why}" if record.why else ""
    return f"{end}, and is started again" if supervised and record.state is not ProcessState.STOPPED else end


def _ended_before(record: ProcessRecord) -> str:
    return f"; the one before {record.why}" if record.why and record.state is not ProcessState.READY else ""


def _waits_for(answer: Answer) -> str:
    waits_for = answer.document.get("waits_for")
    return "; ".join(map(str, waits_for)) if isinstance(waits_for, list) and waits_for else "what it does not name"


def _state(record: ProcessRecord, *, alive: bool, ready: bool, supervised: bool) -> str:
    """The state in a word; a process that is recorded as living and is not is dead."""
    if ready:
        return ProcessState.READY
    if alive:
        return ProcessState.UNREADY if record.state is ProcessState.READY else record.state
    if not supervised:
        return ProcessState.STOPPED
    return "dead" if record.process is not None else record.state


def _children(documents: Sequence[Any], under: Sequence[Answer]) -> list[ChildStatus]:
    """The children that a process names, and those that only an address is known of."""
    named = {child.name: child for child in map(_child, documents) if child is not None}
    for number, answer in enumerate(under, 1):
        child = named.get(f"stream-{number}", ChildStatus(name=f"stream-{number}"))
        named[child.name] = child.model_copy(update={"ready": answer.well})
    return list(named.values())


def _child(document: Any) -> ChildStatus | None:
    try:
        return ChildStatus.model_validate(document)
    except ValidationError:
        return None


def _texts(answer: Answer, name: str) -> Mapping[str, str]:
    found = answer.document.get(name)
    return found if isinstance(found, dict) else {}


def _last_progress(answers: Sequence[Answer]) -> datetime | None:
    times = [text for answer in answers for text in _texts(answer, "progress").values()]
    return max(map(datetime.fromisoformat, times), default=None)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def now() -> datetime:
    """The time, to the second."""
    return datetime.fromtimestamp(round(time.time()), UTC)
