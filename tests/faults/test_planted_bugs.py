"""The simulation finds bugs: each is planted in one service, and some seed shows it by the invariant named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from penstock.bus.state.unit_state import MemoryStateStores
from tests.faults.deployment import Member
from tests.faults.faulty_ports import Crash
from tests.faults.simulation import plan, run_plan

SEEDS = 12


def commit_before_produce(member: Member) -> None:
    """State and commit are written before the outputs are."""
    if member.life.name != "server":
        return
    worker = member.worker
    write = worker._writer._write

    async def write_later(results: Sequence[Any]) -> None:
        source = worker._source
        assert source is not None
        await source.commit(dict(source.end_offsets()))
        await write(results)

    worker._writer._write = write_later  # type: ignore[method-assign]


def swallowed_send_error(member: Member) -> None:
    """The error of a write is dropped."""
    if member.life.name != "validator":
        return
    write = member.worker._writer._write

    async def write_and_forget(results: Sequence[Any]) -> None:
        try:
            await write(results)
        except Crash:
            raise
        except Exception:
            await member.worker._publisher.close()

    member.worker._writer._write = write_and_forget  # type: ignore[method-assign]


def dedupe_per_process(member: Member) -> None:
    """What was seen is forgotten with the process, but for the positions."""
    if member.life.name != "validator":
        return
    own = MemoryStateStores()
    lasting = member.worker._units._state_stores

    class Forgetful:
        def open(self, group: str, stream: str | None, partition: int) -> Any:
            store = own.open(group, stream, partition)
            kept = lasting.open(group, stream, partition)
            store.write({}, kept.positions())
            write = store.write

            def write_both(changes: Any, positions: Mapping[str, int]) -> None:
                write(changes, positions)
                kept.write({}, positions)

            store.write = write_both  # type: ignore[method-assign]
            return store

        def prepare(self, *_: Any) -> None:
            pass

        async def run(self, work: Any) -> Any:
            return work()

    member.worker._units._state_stores = Forgetful()


def dead_letter_not_awaited(member: Member) -> None:
    """Dead letters are handed over last, and nobody waits for them: with this member's crash they are gone."""
    if member.life.name != "validator":
        return
    write = member.worker._writer._write

    async def without_dead_letters(results: Sequence[Any]) -> None:
        await write([result for result in results if not _is_dead_letter(result)])

    member.worker._writer._write = without_dead_letters  # type: ignore[method-assign]


def _is_dead_letter(result: Any) -> bool:
    return bool(result.topic.endswith("dead-letters"))


PLANTED: list[tuple[Callable[[Member], None], str]] = [
    (commit_before_produce, "I1"),
    (swallowed_send_error, "I1"),
    (dedupe_per_process, "I2"),
    (dead_letter_not_awaited, "I9"),
]


@pytest.mark.parametrize(("bug", "invariant"), PLANTED)
async def test_a_planted_bug_is_found_by_its_invariant(bug: Callable[[Member], None], invariant: str) -> None:
    found: dict[str, list[str]] = {}
    for seed in range(SEEDS):
        found |= (await run_plan(seed, plan(seed), bug)).violations
        if invariant in found:
            return
    pytest.fail(f"{bug.__name__} was not found by {invariant}; found {sorted(found)}")
