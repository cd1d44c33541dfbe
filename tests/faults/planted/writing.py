"""Bugs in what is written, confirmed and committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.bus.state.unit_state import MemoryStateStores
from penstock.ingestion.intake import Intake
from tests.faults.life import Crash
from tests.faults.member import Member


def _is_member(part: object, group: str) -> bool:
    return isinstance(part, Member) and part.life.name == group


def commit_before_produce(part: Any) -> None:
    """The server commits before the outputs are written."""
    if not _is_member(part, "server"):
        return
    worker = part.worker
    write = worker._writer._write

    async def commit_and_write(results: Sequence[Any]) -> None:
        source = worker._source
        assert source is not None
        await source.commit(dict(source.end_offsets()))
        await write(results)

    worker._writer._write = commit_and_write


def auto_commit(part: Any) -> None:
    """The server's client commits what it has fetched."""
    if not _is_member(part, "server"):
        return
    open_source = part.log.source

    async def open_committing_source(group: str, listener: Any) -> Any:
        source = await open_source(group, listener)
        poll = source.member.poll

        async def poll_and_commit(max_records: int, wait: float) -> Any:
            fetched = await poll(max_records, wait)
            await source.member.commit({(batch.topic, batch.partition): batch.position for batch in fetched})
            return fetched

        source.member.poll = poll_and_commit
        return source

    part.log.source = open_committing_source


def acknowledge_before_durable(part: Any) -> None:
    """Ingestion answers once it has handed a record to the client."""
    if not isinstance(part, Intake):
        return
    write, writing = part._writer.write, set()

    async def write_later(stream: str, requests: Sequence[Any]) -> list[None]:
        task = asyncio.ensure_future(write(stream, requests))
        writing.add(task)
        task.add_done_callback(writing.discard)
        return [None] * len(requests)

    part._writer.write = write_later  # type: ignore[method-assign, assignment]


def swallowed_send_error(part: Any) -> None:
    """The validator drops the error of a write."""
    if not _is_member(part, "validator"):
        return
    write = part.worker._writer._write

    async def write_and_forget(results: Sequence[Any]) -> None:
        try:
            await write(results)
        except Crash:
            raise
        except Exception:
            await part.worker._publisher.close()

    part.worker._writer._write = write_and_forget


def dead_letter_not_awaited(part: Any) -> None:
    """The validator hands dead letters over last and waits for none: with its crash they are gone."""
    if not _is_member(part, "validator"):
        return
    write = part.worker._writer._write

    async def without_dead_letters(results: Sequence[Any]) -> None:
        await write([result for result in results if not result.topic.endswith("dead-letters")])

    part.worker._writer._write = without_dead_letters


def dedupe_per_process(part: Any) -> None:
    """What the validator has seen is forgotten with the process, but for the positions."""
    if _is_member(part, "validator"):
        part.worker._units._state_stores = _Forgetful(part.worker._units._state_stores)


class _Forgetful:
    def __init__(self, lasting: Any) -> None:
        self._own = MemoryStateStores()
        self._lasting = lasting

    def open(self, group: str, stream: str | None, partition: int) -> Any:
        """A store that is empty at the start of a life, at the positions of the life before."""
        store: Any = self._own.open(group, stream, partition)
        kept = self._lasting.open(group, stream, partition)
        store.write({}, kept.positions())
        write = store.write

        def write_both(changes: Any, positions: Mapping[str, int]) -> None:
            write(changes, positions)
            kept.write({}, positions)

        store.write = write_both
        return store

    def prepare(self, *_: Any) -> None:
        pass

    async def run(self, work: Callable[[], Any]) -> Any:
        """At once."""
        return work()
