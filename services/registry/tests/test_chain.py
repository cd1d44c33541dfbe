"""The audit chain: whatever is done to it shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.records.governance import AuditEntry
from penstock.registry.audit_chain import Head, hash_of, linked, verify_chain
from penstock.registry.command_results import Occasion

WORDS = st.text(max_size=8)
DETAILS = st.dictionaries(
    WORDS, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
)
SAID = st.lists(st.tuples(WORDS, WORDS, DETAILS), min_size=1, max_size=6)


def chain(said: list[tuple[str, str, dict[str, object]]]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for action, subject, detail in said:
        previous = Head(entries[-1].number, entries[-1].hash) if entries else None
        entries.append(linked(previous, action, subject, detail, Occasion("ann", datetime(2024, 1, 1, tzinfo=UTC))))
    return entries


def head_of(entries: list[AuditEntry]) -> Head:
    return Head(entries[-1].number, entries[-1].hash)


@given(SAID)
def test_an_untouched_chain_is_sound(said: list[tuple[str, str, dict[str, object]]]) -> None:
    entries = [AuditEntry.from_json(entry.to_json()) for entry in chain(said)]
    assert verify_chain(entries, head_of(entries)) is None


@given(SAID, st.data())
def test_an_edit_shows(said: list[tuple[str, str, dict[str, object]]], data: st.DataObject) -> None:
    entries = chain(said)
    place = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(["actor", "action", "subject", "previous", "hash", "id", "cause"]))
    entries[place] = entries[place].model_copy(update={field: f"{getattr(entries[place], field)}x"})
    assert verify_chain(entries)


@given(SAID, st.data())
def test_an_edit_with_its_hash_made_to_fit_shows(
    said: list[tuple[str, str, dict[str, object]]], data: st.DataObject
) -> None:
    entries = chain(said)
    head = head_of(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    altered = entries[place].model_copy(update={"actor": "bob"})
    entries[place] = altered.model_copy(update={"hash": hash_of(altered)})
    assert verify_chain(entries, head)


@given(SAID, st.data())
def test_a_removal_shows(said: list[tuple[str, str, dict[str, object]]], data: st.DataObject) -> None:
    entries = chain(said)
    head = head_of(entries)
    first = data.draw(st.integers(0, len(entries) - 1))
    last = data.draw(st.integers(first + 1, len(entries)))
    assert verify_chain(entries[:first] + entries[last:], head)


@given(SAID, st.randoms(use_true_random=False))
def test_another_order_shows(said: list[tuple[str, str, dict[str, object]]], random: object) -> None:
    entries = chain(said)
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert (verify_chain(shuffled) is None) == (shuffled == entries)


@given(SAID, SAID)
def test_a_chain_that_grew_still_holds_the_published_head(
    said: list[tuple[str, str, dict[str, object]]], more: list[tuple[str, str, dict[str, object]]]
) -> None:
    entries = chain(said + more)
    assert verify_chain(entries, head_of(entries[: len(said)])) is None


@pytest.mark.parametrize("count", [0, 1])
def test_a_database_restored_from_an_older_copy_shows(count: int) -> None:
    entries = chain([("a", "s", {}), ("b", "s", {})])
    assert "entry 2 was published" in str(verify_chain(entries[:count], head_of(entries)))
