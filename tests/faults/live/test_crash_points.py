"""A crash point does what its order says, once, in the process that comes to it first."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from signal import SIGKILL, SIGSTOP

import pytest

from tests.faults.live.crash_orders import HOOKS, CrashOrders
from tests.faults.live.hooks.crash_points import Orders


def test_an_order_is_carried_out_once_at_its_point_after_its_passes(tmp_path: Path) -> None:
    CrashOrders(tmp_path).give("validator", "before-send", SIGSTOP, passes_before=2)
    points = ["before-send", "before-commit", "before-send", "before-send", "before-send"]
    first, second = Orders("validator", str(tmp_path)), Orders("server", str(tmp_path))
    assert [first.take(point) for point in points] == [None, None, None, SIGSTOP, None]
    assert [second.take(point) for point in points] == [None] * 5


def test_two_processes_count_their_own_passes_and_one_takes_the_order(tmp_path: Path) -> None:
    CrashOrders(tmp_path).give("server", "before-send", SIGKILL, passes_before=1)
    both = [Orders("server", str(tmp_path)) for _ in range(2)]
    taken = [each.take("before-send") for _ in range(3) for each in both]
    assert taken == [None, None, SIGKILL, None, None, None]


async def test_a_real_process_kills_itself_and_says_which_it_was(tmp_path: Path) -> None:
    orders = CrashOrders(tmp_path)
    orders.give("validator", "after-commit", SIGKILL)
    program = f"import sys; sys.path.insert(0, {str(HOOKS)!r}); from crash_points import Orders; " \
              f"Orders('validator', {str(tmp_path)!r}).pass_point('after-commit')"  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await orders.reached("validator", 60) == process.pid
    assert await process.wait() == -SIGKILL


async def test_an_order_that_nobody_comes_to_is_taken_back(tmp_path: Path) -> None:
    orders = CrashOrders(tmp_path)
    orders.give("validator", "after-commit", SIGKILL)
    with pytest.raises(TimeoutError):
        await orders.reached("validator", 0)
    assert not os.listdir(tmp_path)
