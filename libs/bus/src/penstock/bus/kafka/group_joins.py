"""Joining a group again at once, which ends the client's part in it unless the tasks of the first join have begun."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer


def let_tasks_begin(consumer: AIOKafkaConsumer) -> None:
    """Have a started consumer wait a turn of the event loop after each join.

    The client starts its heartbeat as the last of a join, and stops it as the first of the next. If the subscription
    changed meanwhile both come in one turn: the heartbeat, which has not begun, cannot take its cancellation, and that
    ends who waits for it. The member is then silent for ever, and a poll waits for an assignment that never comes.
    """
    coordinator = consumer._coordinator
    join = coordinator.ensure_active_group

    async def join_and_let_begin(subscription: Any, assignment: Any) -> Any:
        joined = await join(subscription, assignment)
        await asyncio.sleep(0)
        return joined

    coordinator.ensure_active_group = join_and_let_begin
