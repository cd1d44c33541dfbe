"""The audit chain: every way of tampering with it is detected."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.records.governance import AuditEntry
from penstock.registry.audit_chain import ChainHead, hash_of, next_entry, verify_chain
from penstock.registry.command_context import Provenance

WORDS = st.text(max_size=8)
DETAILS = st.dictionaries(
    WORDS, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
)
EVENTS = st.lists(st.tuples(WORDS, WORDS, DETAILS), min_size=1, max_size=6)


def chain(events: list[tuple[str, str, dict[str, object]]]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for action, subject, detail in events:
        head = ChainHead(entries[-1].number, entries[-1].hash) if entries else None
        entries.append(next_entry(head, action, subject, detail, Provenance("ann", datetime(2024, 1, 1, tzinfo=UTC))))
    return entries


def head_of(entries: list[AuditEntry]) -> ChainHead:
    return ChainHead(entries[-1].number, entries[-1].hash)


@given(EVENTS)
def test_an_untouched_chain_is_sound(events: list[tuple[str, str, dict[str, object]]]) -> None:
    entries = [AuditEntry.from_json(entry.to_json()) for entry in chain(events)]
    assert verify_chain(entries, head_of(entries)) is None


@given(EVENTS, st.data())
def test_an_edit_is_detected(events: list[tuple[str, str, dict[str, object]]], data: st.DataObject) -> None:
    entries = chain(events)
    index = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(["actor", "action", "subject", "previous", "hash", "id", "cause"]))
    entries[index] = entries[index].model_copy(update={field: f"{getattr(entries[index], field)}x"})
    assert verify_chain(entries)


@given(EVENTS, st.data())
def test_an_edit_with_a_recomputed_hash_is_detected(
    events: list[tuple[str, str, dict[str, object]]], data: st.DataObject
) -> None:
    entries = chain(events)
    head = head_of(entries)
    index = data.draw(st.integers(0, len(entries) - 1))
    altered = entries[index].model_copy(update={"actor": "bob"})
    entries[index] = altered.model_copy(update={"hash": hash_of(altered)})
    assert verify_chain(entries, head)


@given(EVENTS, st.data())
def test_a_removal_is_detected(events: list[tuple[str, str, dict[str, object]]], data: st.DataObject) -> None:
    entries = chain(events)
    head = head_of(entries)
    first = data.draw(st.integers(0, len(entries) - 1))
    last = data.draw(st.integers(first + 1, len(entries)))
    assert verify_chain(entries[:first] + entries[last:], head)


@given(EVENTS, st.randoms(use_true_random=False))
def test_another_order_is_detected(events: list[tuple[str, str, dict[str, object]]], random: object) -> None:
    entries = chain(events)
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert (verify_chain(shuffled) is None) == (shuffled == entries)


@given(EVENTS, EVENTS)
def test_a_chain_that_grew_still_holds_the_published_head(
    events: list[tuple[str, str, dict[str, object]]], more: list[tuple[str, str, dict[str, object]]]
) -> None:
    entries = chain(events + more)
    assert verify_chain(entries, head_of(entries[: len(events)])) is None


@pytest.mark.parametrize("count", [0, 1])
def test_a_database_restored_from_an_older_copy_is_detected(count: int) -> None:
    entries = chain([("a", "s", {}), ("b", "s", {})])
    assert "entry 2 was published" in str(verify_chain(entries[:count], head_of(entries)))
