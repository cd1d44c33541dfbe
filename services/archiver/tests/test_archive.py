"""Every record is in exactly one row, whatever fails in between, and a commit says what is in the store."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.archiver.archived_partition import FileRules
from penstock.bus.errors import BrokerUnavailable
from penstock.contracts.records.streams import Deletion
from penstock.contracts.topics import PREDICTIONS, STREAMS

from .site import DAY, RULES, Site, prediction

KEY = ("penstock.loans.predictions", 0)
FOLDER = "penstock/loans/predictions/0"

Action = int | Literal["wait", "crash", "lost", "doubtful", "marker"]
ACTIONS = st.lists(st.integers(1, 120) | st.sampled_from(["wait", "crash", "lost", "doubtful", "marker"]), max_size=40)


async def started(rules: FileRules = RULES) -> Site:
    site = Site(rules)
    await site.start(site.stream)
    await site.step()
    return site


def append(site: Site, first: int, count: int) -> None:
    site.append(PREDICTIONS, "loans", [prediction(number) for number in range(first, first + count)])


async def act(site: Site, action: Action, written: int) -> int:
    """Do it; how many records more there are."""
    match action:
        case int():
            append(site, written, action)
            await site.step(0.1)
            return action
        case "wait":
            await site.step(6)
        case "crash":
            await site.start()
            await site.step()
        case "marker":
            site.log.append_marker(KEY)
        case _:
            site.store.faults.append(action)
    return 0


@settings(max_examples=60)
@given(ACTIONS)
async def test_every_record_is_in_one_row_whatever_fails(actions: list[Action]) -> None:
    site, written = await started(), 0
    for action in actions:
        written += await act(site, action, written)
    site.store.faults.clear()
    await site.step(6)
    await site.step(6)
    rows = site.rows(FOLDER)["id"].to_pylist() if site.files(FOLDER) else []
    assert Counter(rows) == Counter(f"e{number}" for number in range(written))
    assert site.failures == {}
    if written:
        assert site.committed(KEY) == (await site.log.end_offsets([KEY]))[KEY]


async def test_a_file_is_written_for_so_many_records_or_after_so_long() -> None:
    site = await started()
    append(site, 0, 49)
    await site.step(1)
    assert (site.files(FOLDER), site.committed(KEY)) == ({}, 0)
    append(site, 49, 1)
    await site.step(1)
    assert [name[:33] for name in site.files(FOLDER)] == ["0000000000000000-0000000000000050"]
    append(site, 50, 1)
    await site.step(1)
    assert site.committed(KEY) == 50
    await site.step(5)
    assert site.committed(KEY) == 51


async def test_a_store_that_is_away_commits_nothing_and_is_told_of() -> None:
    site = await started()
    append(site, 0, 60)
    site.store.away = True
    await site.step(1)
    assert site.failures == {"penstock.loans.predictions/0": "the store is away (lost)"}
    assert site.committed(KEY) == 0
    site.store.away = False
    await site.step(1)
    assert (site.committed(KEY), site.failures) == (60, {})


async def test_a_partition_that_cannot_be_written_does_not_stop_the_others() -> None:
    site = await started()
    for number in (0, 3):
        site.append(PREDICTIONS, "loans", [prediction(n) for n in range(60)], partition=number)
    site.store.unwritable = FOLDER
    await site.step(0.1)
    await site.step(0.1)
    assert site.offsets("penstock/loans/predictions/3") == Counter(range(60))
    assert list(site.failures) == ["penstock.loans.predictions/0"]
    site.store.unwritable = None
    await site.step(1)
    assert (site.offsets(FOLDER), site.failures) == (Counter(range(60)), {})


async def test_a_broker_that_is_away_is_waited_for() -> None:
    site = await started()
    append(site, 0, 60)
    site.log.away = True
    with pytest.raises(BrokerUnavailable):
        await site.step(1)
    site.log.away = False
    await site.start()
    await site.step(1)
    assert site.offsets(FOLDER) == Counter(range(60))


async def test_what_expired_before_it_was_archived_is_left_out_and_its_offsets_are_not_claimed() -> None:
    site = Site()
    await site.start(site.stream)
    append(site, 0, 60)
    site.log.expire(KEY, 20)
    await site.step()
    assert [name[:33] for name in site.files(FOLDER)] == ["0000000000000020-0000000000000060"]


async def test_a_topic_that_was_made_anew_is_held_back_alone_until_its_archive_was_moved() -> None:
    site = await started()
    append(site, 0, 60)
    await site.step(1)
    site.log.recreate(KEY[0])
    append(site, 0, 5)
    site.append(PREDICTIONS, "loans", [prediction(number) for number in range(50)], partition=1)
    await site.step(6)
    (failure,) = site.failures.values()
    assert "prediction-log/penstock/loans/predictions/0" in failure
    assert site.offsets("penstock/loans/predictions/1") == Counter(range(50))
    site.store.delete([f"prediction-log/{FOLDER}/{name}" for name in site.files(FOLDER)])
    await site.step(6)
    await site.step(6)
    assert (site.offsets(FOLDER), site.failures) == (Counter(range(5)), {})


async def test_two_archivers_share_the_partitions() -> None:
    site = await started()
    first = site._followers
    members = list(site.log.group("archiver").members)
    await site.start()
    for member in members:  # the one before goes on
        site.log.group("archiver").join(member)
    await site.log.group("archiver").rebalance()
    for number in range(4):
        site.append(PREDICTIONS, "loans", [prediction(n) for n in range(60)], partition=number)
    site._followers = [*first, *site._followers]
    await site.step(6)
    for number in range(4):
        assert site.offsets(f"penstock/loans/predictions/{number}") == Counter(range(60))


async def test_files_are_merged_and_hold_the_same_rows() -> None:
    site = await started()
    for number in range(40):
        append(site, 50 * number, 50)
        await site.step(1)
    assert len(site.files(FOLDER)) == 10  # 16 merged into one twice, and 8
    assert site.offsets(FOLDER) == Counter(range(2000))
    assert len(site.store.sizes(f"prediction-log/{FOLDER}")) == 10


async def test_files_expire_by_their_newest_row_but_for_the_last() -> None:
    site = await started(RULES._replace(retention_days=1))
    for number in range(3):
        append(site, 50 * number, 50)
        await site.step(0.3 * DAY / 60_000)
    assert site.offsets(FOLDER) == Counter(range(150))
    await site.step(DAY / 60_000)
    assert site.offsets(FOLDER) == Counter(range(100, 150))
    await site.step(10 * DAY / 60_000)
    await site.start()
    await site.step()
    assert site.offsets(FOLDER) == Counter(range(100, 150))


async def test_a_stream_that_is_deleted_is_left_and_what_is_archived_of_it_stays() -> None:
    site = await started()
    append(site, 0, 60)
    await site.step(6)
    deletion = Deletion(by="ann", time=site.stream.time)
    site.append(STREAMS, None, [site.stream.model_copy(update={"revision": 1, "deletion": deletion}).to_json()])
    await site.step(6)
    site.log.delete(KEY[0])
    await site.start()
    await site.step(6)
    assert (site.failures, sum(site.offsets(FOLDER).values())) == ({}, 60)
