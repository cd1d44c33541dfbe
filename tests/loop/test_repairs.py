"""Rejected records and dead letters are repaired: what the preview says is done, once, whatever ends in between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bus.ports import RecordBatch
from penstock.bus.worker.dead_letters import dead_letter
from penstock.console.repair.assessed_pages import Run, Tally
from penstock.console.repair.drop import drop
from penstock.console.repair.release import preview, release
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.partitioner import partition_of
from penstock.contracts.records.repairs import DefectTopic, Repair, Rule, Selection
from penstock.contracts.topics import AUDIT, EVENTS, LABELS, REJECTED, STREAM_DEAD_LETTERS

from .repair_site import Crash, MemorySite, memory_site

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIELDS: dict[str, Any] = {"customer": {"type": "category"}, "amount": {"type": "number", "min": 0, "outside": "refuse"}}
DECLARATION = Declaration.model_validate(
    {
        "name": "loans",
        "task": "binary",
        "entity": "customer",
        "fields": FIELDS,
        "label": {"name": "bad", "classes": ["no", "yes"], "horizon": "7d"},
    }
)
PARTITION = partition_of(b"c1", DECLARATION.partition_count)
RUN = Run("rejected")
TO_NUMBER = Rule(where=Selection(code="wrong_type"), cast={"amount": "number"})


def event(event_id: str, amount: Any = 1, **changes: Any) -> bytes:
    """An event of 11 o'clock."""
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "id": event_id}
    record = envelope | {"time": "2026-05-01T11:00:00Z", "data": {"customer": "c1", "amount": amount}} | changes
    return json.dumps(record).encode()


def label(event_id: str, value: Any = "yes", revision: int = 0) -> bytes:
    """A label of the event."""
    data = {"event_id": event_id, "event_source": "s", "entity": "c1", "value": value, "revision": revision}
    label_id = f"{event_id}-{revision}-{value}"
    return event(label_id, type="penstock.label.v1", data=data)


async def edit(site: MemorySite, rule: Rule, topic: DefectTopic = "rejected") -> None:
    await site.record(Repair(topic=topic, step="edited", reason="a fault of ours", rule=rule))


def counted(tally: Tally) -> tuple[int, int, Counter[tuple[str, str]]]:
    return tally.passing, tally.duplicates, tally.refused


def ids(records: Sequence[Any]) -> Counter[str]:
    return Counter(record.id for record in records)


AMOUNTS = st.sampled_from([1, 2, "2", " 3", "x", -1, None, True])
IDS = st.sampled_from(["a", "b", "c", "a b"])
RECORDS = st.one_of(
    st.builds(event, IDS, st.sampled_from([1, 2, "2", " 3"])),
    st.builds(event, IDS, AMOUNTS),
    st.builds(
        event, IDS, AMOUNTS, time=st.sampled_from(["2026-05-01T11:00:00Z", "2026-05-01", "2126-01-01T00:00:00Z"])
    ),
    st.builds(event, IDS, AMOUNTS, specversion=st.just("0.3")),
    st.builds(event, IDS, data=st.fixed_dictionaries({"customer": st.just("c1"), "sum": AMOUNTS})),
    st.builds(label, IDS, st.sampled_from(["yes", "perhaps", 1]), st.sampled_from([0, 0, 1, -1])),
    st.sampled_from([b"{", b"[1]", b'{"id": "a", "data": {"customer": "c1", "amount": 1}}']),
)
RULES = st.sampled_from(
    [
        TO_NUMBER,
        Rule(rename={"sum": "amount"}),
        Rule(where=Selection(code="out_of_range", field="amount"), set={"amount": 5}),
        Rule(where=Selection(kind="label"), set={"value": "no", "revision": 2}),
        Rule(where=Selection(code="bad_time"), attributes={"time": "2026-05-01T10:00:00Z"}),
        Rule(where=Selection(code="unreadable"), text=event("e").decode()),
        Rule(where=Selection(field="specversion"), remove=("absent",), attributes={"specversion": "1.0", "id": "d"}),
    ]
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(RECORDS, min_size=1, max_size=12),
    st.lists(RULES, max_size=4).map(lambda rules: [*rules, TO_NUMBER]),
    st.sampled_from(["rejected", "rejected", "rejected", "dead-letters"]),
)
async def test_the_preview_is_what_the_release_does(
    records: list[bytes], rules: list[Rule], topic: DefectTopic
) -> None:
    async with memory_site(DECLARATION, NOW) as site:
        await site.write(*records)
        for rule in rules:
            await edit(site, rule, topic)
        kept = {kind: len(site.records(kind)) for kind in (REJECTED, STREAM_DEAD_LETTERS)}
        accepted = len(site.records(EVENTS)) + len(site.records(LABELS))
        run = replace(RUN, topic=topic)
        foreseen = await preview(site, run)
        assert counted(await release(site, run, "repaired")) == counted(foreseen)
        assert len(site.records(EVENTS)) + len(site.records(LABELS)) == accepted + foreseen.passing
        assert {kind: len(site.records(kind)) for kind in kept} == kept, "what is sent is accepted"
        again = await release(site, run, "repaired")
        assert (again.passing, again.duplicates) == (0, 0)
        assert len(site.records(EVENTS)) + len(site.records(LABELS)) == accepted + foreseen.passing


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["2", "x", "7"]), min_size=1, max_size=6),
    st.lists(st.sampled_from(["began", "send", "released", None]), max_size=3),
    st.integers(0, 200),
)
async def test_a_release_that_is_cut_short_is_completed_and_sends_nothing_twice(
    amounts: list[str], crashes: list[str | None], hours: int
) -> None:
    async with memory_site(DECLARATION, NOW) as site:
        await site.write(*(event(f"e{number}", amount) for number, amount in enumerate(amounts)))
        await edit(site, TO_NUMBER)
        for crash in [*crashes, None]:

            def crash_before(step: str, crash: str | None = crash) -> None:
                if step == crash:
                    raise Crash

            site.crash_before = crash_before
            try:
                await release(site, RUN, "repaired")
            except Crash:
                await site.process.run_until_quiet()
            site.process.clock.advance_to(site.process.clock() + hours * 3_600_000)
        good = [f"e{number}" for number, amount in enumerate(amounts) if amount != "x"]
        assert ids(site.records(EVENTS)) == Counter(good)
        assert len(site.records(REJECTED)) == len(amounts)


async def test_a_copy_that_is_released_after_the_window_is_not_sent_again() -> None:
    async with memory_site(DECLARATION, NOW) as site:
        await site.write(event("a", "2"), event("a", "2"), event("a", "3"))
        await edit(site, TO_NUMBER)
        first = await release(site, replace(RUN, where=Selection(at=(f"{PARTITION}:0",))), "the first")
        assert counted(first) == (1, 0, Counter())
        site.process.clock.advance_to(site.process.clock() + 48 * 3_600_000)
        rest = await release(site, RUN, "the others")
        assert counted(rest) == (0, 1, Counter({("id_conflict", "id"): 1}))
        assert ids(site.records(EVENTS)) == Counter("a")


async def test_a_changed_declaration_alone_lets_records_pass() -> None:
    async with memory_site(DECLARATION, NOW) as site:
        await site.write(event("a", data={"customer": "c1", "amount": 1, "colour": "red"}))
        assert counted(await preview(site, RUN)) == (0, 0, Counter({("extra_field", "colour"): 1}))
        wider = {"fields": FIELDS | {"colour": {"type": "category", "missing": "accept"}}}
        await site.declare(Declaration.model_validate(DECLARATION.model_dump() | wider))
        assert counted(await release(site, RUN, "declared")) == (1, 0, Counter())
        assert [record.time.hour for record in site.records(EVENTS)] == [11]


async def test_what_was_dropped_or_withdrawn_is_done_with_and_the_audit_log_says_by_whom_and_why() -> None:
    async with memory_site(DECLARATION, NOW) as site:
        await site.write(event("a", "2"), event("b", "x"))
        await edit(site, TO_NUMBER)
        (edited,) = [entry for entry in site.records(AUDIT) if entry.action == "repair.edited"]
        await site.record(Repair(topic="rejected", step="withdrawn", rule_number=edited.number))
        assert (await preview(site, RUN)).passing == 0
        await edit(site, TO_NUMBER)
        assert await drop(site, replace(RUN, where=Selection(id="b")), "a test of the producer's") == 1
        assert counted(await release(site, RUN, "repaired")) == (1, 0, Counter())
        assert (await preview(site, RUN)).count == 0
        entries = {entry.action: entry for entry in site.records(AUDIT) if entry.action.startswith("repair.")}
        assert {entry.actor for entry in entries.values()} == {"ann"}
        assert entries["repair.dropped"].detail["reason"] == "a test of the producer's"
        (released,) = entries["repair.began"].detail["records"]
        assert (released["at"], released["id"]) == (f"{PARTITION}:0", "a")
        assert released["old"] != released["new"]


@pytest.mark.parametrize("hours", [0, 23])
async def test_a_record_whose_id_is_taken_is_not_sent(hours: int) -> None:
    async with memory_site(DECLARATION, NOW) as site:
        await site.write(event("a", "2"), event("a", 3))
        await edit(site, TO_NUMBER)
        site.process.clock.advance_to(site.process.clock() + int(timedelta(hours=hours).total_seconds() * 1000))
        assert counted(await release(site, RUN, "")) == (0, 0, Counter({("id_conflict", "id"): 1}))
        assert len(site.records(REJECTED)) == 1


async def test_a_record_without_an_id_or_time_of_its_own_is_not_released() -> None:
    async with memory_site(DECLARATION, NOW) as site:
        await site.write(b'{"id": "a", "data": {"customer": "c1", "amount": 1}}', event("b", time=None))
        (*_, refused) = counted(await preview(site, RUN))
        assert refused == Counter({("missing_field", "specversion"): 1, ("bad_time", "time"): 1})
        whole = {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "time": "2026-05-01T09:00:00Z"}
        await edit(site, Rule(where=Selection(id="a"), attributes=whole))
        assert (await release(site, RUN, "")).passing == 1
        assert [record.time.hour for record in site.records(EVENTS)] == [9]


async def test_what_only_services_write_is_not_released() -> None:
    async with memory_site(DECLARATION, NOW) as site:
        topic = EVENTS.name("penstock", "loans")
        site.log.append([RecordBatch.single(topic, 0, b"c1", event("a"))])
        (raw,) = site.log.records_of((topic, 0))
        letter = dead_letter("server", topic, "loans", 0, raw, "failed 3 times alike: KeyError")
        letters = STREAM_DEAD_LETTERS.name("penstock", "loans")
        site.log.append([RecordBatch.single(letters, 0, b"", encode(letter.records[0]))])
        run = replace(RUN, topic="dead-letters")
        assert counted(await preview(site, run)) == (0, 0, Counter({("not_received", ""): 1}))
