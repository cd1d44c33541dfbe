"""Laws of delivery on the memory log, judged by a receiver of the standard library alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS

from .receiver import Receiver, receiving
from .site import HOUR, NOW, SECRET, Site, alert, webhook


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(Receiver(SECRET)) as receiver:
        yield receiver


async def test_an_alert_is_delivered_signed_and_recorded(receiver: Receiver) -> None:
    site = Site({"destination": [webhook("ops", receiver.url)]})
    await site.start()
    await site.write(alert(1))
    await site.work_until(lambda: site.recorded == 1)

    ((headers, body),) = receiver.received
    assert receiver.is_signed(headers, body)
    assert not receiver.is_signed(headers, body + b" ")
    assert not receiver.is_signed({**headers, "webhook-timestamp": "1"}, body)
    assert headers["webhook-timestamp"] == str(NOW // 1000)
    document = receiver.documents[0]
    assert document["runbook"] == "docs/runbooks/a-champion-falls-short.md"
    assert (document["id"], document["kind"], document["stream"]) == ("a1", "shortfall", "loans")
    (record,) = await site.records()
    assert (record.alert, record.destination, record.outcome, record.tries) == ("a1", "ops", "delivered", 1)


async def test_law_what_was_delivered_and_not_committed_comes_again_under_its_id(
    receiver: Receiver,
) -> None:
    site = Site({"destination": [webhook("ops", receiver.url)]})
    await site.start()
    await site.write(alert(1), alert(2))
    (worker,) = site.workers
    while not receiver.received:
        await worker._handle_next(0)  # delivered, and the process dies before anything is written
    await worker.abandon()
    assert receiver.ids == ["a1", "a2"]
    assert await site.records() == []

    await site.start()
    await site.work_until(lambda: _is_committed(site, 2))
    assert receiver.ids == ["a1", "a2", "a1", "a2"]
    sent = [headers["webhook-id"] for headers, _ in receiver.received]
    assert sent[:2] == sent[2:]
    assert len(set(sent)) == 2

    await site.start()
    await site.write(alert(3))
    await site.work_until(lambda: "a3" in receiver.ids)
    assert receiver.ids.count("a1") == 2, "what is committed is not sent again"


async def test_law_a_destination_that_is_down_delays_no_other(receiver: Receiver) -> None:
    with receiving(Receiver(SECRET, statuses=[503] * 1000)) as down:
        site = Site({"destination": [webhook("down", down.url), webhook("ops", receiver.url)]})
        await site.start()
        await site.write(*map(alert, range(20)))
        await site.work_until(lambda: _is_committed(site, 20) and "HTTP 503" in str(site.failures()))
        assert down.received == []

        down.statuses.clear()
        await site.start()
        await site.work_until(lambda: site.recorded == 40)
    assert down.ids == receiver.ids == [f"a{number}" for number in range(20)], "in the order of the log"


async def test_law_a_failure_in_the_middle_of_a_batch_sends_nothing_twice(receiver: Receiver) -> None:
    receiver.statuses[:] = [200, 200, 429, 500, 408]
    site = Site({"destination": [webhook("ops", receiver.url)]})
    await site.start()
    await site.write(*map(alert, range(6)))
    await site.work_until(lambda: site.recorded == 6)
    assert receiver.ids == [f"a{number}" for number in range(6)]
    assert [record.tries for record in await site.records()] == [1, 1, 4, 1, 1, 1]


async def test_a_refusal_is_recorded_and_passed_over(receiver: Receiver) -> None:
    receiver.statuses[:] = [410]
    site = Site({"destination": [webhook("ops", receiver.url)]})
    await site.start()
    await site.write(alert(1), alert(2))
    await site.work_until(lambda: site.recorded == 2)
    assert receiver.ids == ["a2"]
    assert [(record.outcome, record.detail) for record in await site.records()] == [
        ("refused", "HTTP 410"),
        ("delivered", "HTTP 200"),
    ]


async def test_a_new_destination_begins_with_the_last_hour(receiver: Receiver) -> None:
    site = Site({"destination": [webhook("ops", receiver.url)]})
    await site.start()
    await site.write(alert(1))
    site.process.clock.advance_to(NOW + HOUR)
    await site.write(alert(2))
    site.process.clock.advance_to(NOW + HOUR + 1)
    await site.start()
    await site.work_until(lambda: _is_committed(site, 2))
    assert receiver.ids == ["a2"]

    site.process.clock.advance_to(NOW + 100 * HOUR)
    await site.write(alert(3))
    site.process.clock.advance_to(NOW + 200 * HOUR)
    await site.start()
    await site.work_until(lambda: "a3" in receiver.ids)
    assert receiver.ids == ["a2", "a3"], "what came while it was down is news, however old"


async def test_alerts_of_a_key_are_one_message_also_after_a_restart(receiver: Receiver) -> None:
    site = Site({"destination": [webhook("ops", receiver.url)]})
    same: list[Alert] = [alert(number, key="k") for number in range(3)]
    await site.start()
    await site.write(same[0], same[1])
    await site.work_until(lambda: _is_committed(site, 2))
    await site.start()
    await site.write(
        same[2], alert(9, key="k", state="resolved", severity="info"), alert(10, key="k", state="resolved")
    )
    await site.work_until(lambda: _is_committed(site, 5))
    assert [(document["id"], document["unsent"]) for document in receiver.documents] == [("a0", 0), ("a9", 2)]


async def test_an_alert_of_an_earlier_release_stands_alone(receiver: Receiver) -> None:
    site = Site({"destination": [webhook("ops", receiver.url)]})
    await site.start()
    await site.write(alert(1, kind=None, key=None), alert(2, kind=None, key=None))
    await site.work_until(lambda: len(receiver.received) == 2)
    assert [document["runbook"] for document in receiver.documents] == [None, None]


async def test_without_destinations_nothing_is_read() -> None:
    site = Site({})
    await site.start()
    assert site.workers == []


def _is_committed(site: Site, offset: int) -> bool:
    commits = site.memory_log.commits("notifier-ops")
    return commits.get((ALERTS.name("penstock"), 0), 0) >= offset
