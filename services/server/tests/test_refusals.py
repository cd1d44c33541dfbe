"""The end of a refused model is told, also by a process that started after it was refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from penstock.contracts.topics import ALERTS
from penstock.server.models.refusals import Refusals

from .conftest import eventually


def later(registry: Any, number: int, **changes: Any) -> Any:
    """An epoch with a model, later by its number of minutes than the start."""
    record = registry.epoch(number, *registry.trained(**changes))
    return record.model_copy(update={"time": record.time + timedelta(minutes=number)})


def states(deployment: Any) -> list[str]:
    return [alert.state for alert in deployment.records(ALERTS)]


async def test_a_process_that_starts_and_serves_ends_what_was_told_before_it(deployment: Any, registry: Any) -> None:
    await deployment.publish_epoch(later(registry, 1))
    record = later(registry, 2, threshold=20.0)
    content = registry.store.contents.pop(record.champion.digest)
    await deployment.serve_epoch(record)
    await eventually(lambda: states(deployment))
    assert set(states(deployment)) == {"firing"}
    registry.store.contents[record.champion.digest] = content
    await deployment.restart_stream()
    await deployment.publish_events([deployment.event(1)])
    await deployment.run_until_quiet()
    await eventually(lambda: "resolved" in states(deployment))
    first, last = deployment.records(ALERTS)[0], deployment.records(ALERTS)[-1]
    assert (last.state, last.key, last.kind) == ("resolved", first.key, "model-refused")
    assert last.message == "the model of epoch 2 serves, after one that was refused"


async def test_a_start_that_serves_an_earlier_model_ends_nothing(deployment: Any, registry: Any) -> None:
    await deployment.publish_epoch(registry.epoch(0))
    record = later(registry, 2)
    del registry.store.contents[record.champion.digest]
    await deployment.serve_epoch(record)
    await deployment.restart_stream()
    await deployment.publish_events([deployment.event(1)])
    await deployment.run_until_quiet()
    await eventually(lambda: states(deployment))
    assert set(states(deployment)) == {"firing"}
    assert len({alert.id for alert in deployment.records(ALERTS)}) == 1, "a restart tells nothing new"


async def test_a_later_epoch_that_serves_ends_it_once(deployment: Any, registry: Any) -> None:
    record = later(registry, 2)
    del registry.store.contents[record.champion.digest]
    await deployment.serve_epoch(record)
    await deployment.serve_epoch(later(registry, 3))
    await deployment.serve_epoch(later(registry, 4))
    ends = [alert.id for alert in deployment.records(ALERTS) if alert.state == "resolved"]
    assert len(set(ends)) == 1


def test_one_epoch_that_is_refused_again_is_another_matter_told_under_another_id(registry: Any) -> None:
    refusals, other = Refusals(), Refusals()
    record = later(registry, 2)
    first = refusals.begin(record, "unknown key")
    assert refusals.begin(record, "unknown key") == first
    end = refusals.end(record)
    second = refusals.begin(record, "unknown key")
    assert end is not None
    assert second.id != first.id
    for alert in (first, end):
        other.apply(alert)
    assert other.begin(record, "unknown key") == second, "another process makes the same record"


def test_an_earlier_epoch_ends_no_refusal_of_a_later_one(registry: Any) -> None:
    refusals = Refusals()
    refusals.begin(later(registry, 3), "unknown key")
    assert refusals.end(later(registry, 2)) is None
    assert refusals.end(later(registry, 3)) is not None
    assert refusals.end(later(registry, 3)) is None
