"""Blocks of offsets across a gap in the log: closed by the first record behind it, and the same after any restarts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from penstock.contracts.topics import ALERTS, COUNTS, DRIFT, EVENTS, OUTCOMES, STATISTICS, Topic

from .service_deployment import PROFILE, Deployment

STOPPED_AT, FOUND, TOTAL = 130, 430, 900  # records from the first to the second of these offsets expire unread
RESTARTS = [(), (430,), (431, 499, 500, 501), (745, 750), range(430, 900, 37)]


async def deployment_behind_a_gap(make: Any, topic: Topic[Any], record: Any, restarts: Collection[int]) -> Deployment:
    """Records of a topic: some are read, many expire while the service is stopped, and it is restarted at offsets."""
    deployment = Deployment(make, make.declared(partitions=1))
    await deployment.start(PROFILE)
    for number in range(TOTAL):
        deployment.write(topic, record(number))
        if number == STOPPED_AT - 1:
            await deployment.process.run_until_quiet()
        if number == FOUND:
            deployment.process.log.expire((deployment.name_of(topic), 0), FOUND)
        if number >= FOUND and number in restarts:
            await deployment.process.run_until_quiet()
            await deployment.restart()
    await deployment.process.run_until_quiet()
    await deployment.process.close()
    return deployment


def written(deployment: Deployment, *topics: Topic[Any]) -> list[bytes | None]:
    return [
        record.value for topic in topics for record in deployment.process.log.records_of((deployment.name_of(topic), 0))
    ]


@pytest.mark.parametrize("restarts", RESTARTS, ids=str)
async def test_count_blocks_across_a_gap_hold_what_was_there_whatever_restarts_come(
    make: Any, restarts: Collection[int]
) -> None:
    def event(number: int) -> Any:
        return make.event(number, number, load=float(number % 90))

    deployment = await deployment_behind_a_gap(make, EVENTS, event, restarts)
    blocks = [(block.data.start, block.data.events, block.data.last_id) for block in deployment.read(COUNTS)]
    assert blocks == [(0, STOPPED_AT, "e129"), (250, 500 - FOUND, "e499"), (500, 250, "e749")]
    straight = await deployment_behind_a_gap(make, EVENTS, event, ())
    assert written(deployment, COUNTS, OUTCOMES, STATISTICS, DRIFT) == written(
        straight, COUNTS, OUTCOMES, STATISTICS, DRIFT
    )
    assert [alert.gap.records for alert in deployment.read(ALERTS) if alert.gap] == [FOUND - STOPPED_AT]


@pytest.mark.parametrize("restarts", RESTARTS, ids=str)
async def test_outcome_blocks_across_a_gap_hold_what_was_there_whatever_restarts_come(
    make: Any, restarts: Collection[int]
) -> None:
    deployment = await deployment_behind_a_gap(make, OUTCOMES, make.outcome, restarts)
    blocks = [block for block in deployment.read(STATISTICS) if block.clock == "provisional"]
    joined = [(block.start, block.joined) for block in blocks]
    assert joined == [(0, 100), (100, 30), (400, 70), (500, 100), (600, 100), (700, 100), (800, 100)]
    straight = await deployment_behind_a_gap(make, OUTCOMES, make.outcome, ())
    assert written(deployment, STATISTICS, DRIFT) == written(straight, STATISTICS, DRIFT)
    assert [alert.gap.records for alert in deployment.read(ALERTS) if alert.gap] == [FOUND - STOPPED_AT]
