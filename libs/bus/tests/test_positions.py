"""Positions: they pass what is no record, as markers of transactions are, and never what is not confirmed."""

from __future__ import annotations

import asyncio

import pytest

from penstock.bus.memory.faulty_log import Fault

from .test_worker import IN, label, open_deployment, running, until


async def test_what_is_no_record_moves_the_position_in_state_and_commit_and_nothing_else() -> None:
    async with open_deployment() as b:
        worker = b.worker()
        b.write(label(1))
        b.log.append_marker(IN)
        assert await worker.step(0) == 1
        b.log.append_marker(IN)
        b.write(label(2))
        assert await worker.step(0) == 1
        assert b.outputs() == [b"1:1", b"2:3"]
        b.log.append_marker(IN)
        async with running(worker):
            await until(lambda: b.log.commits("sums").get(IN) == 5)
        assert b.stored()[1] == {IN[0]: 5}
        assert b.gauge("penstock_lag_records", IN[0]) == 0
        assert b.outputs() == [b"1:1", b"2:3"]


@pytest.mark.parametrize("fault", ["lost", "silent"])
async def test_a_position_never_passes_outputs_that_are_not_confirmed(fault: Fault) -> None:
    async with open_deployment(fault) as b:
        b.write(label(1))
        worker = b.worker()
        async with running(worker):
            await until(lambda: not b.log.faults)
            b.log.append_marker(IN)
            if fault == "silent":
                for _ in range(100):
                    await asyncio.sleep(0)
                assert b.stored()[1] == {}
                assert await b.committed() == 0
            else:
                await until(lambda: b.stored()[1] == {IN[0]: 2})
                assert b.outputs() == [b"1:1"]
