"""The checker can fail: each mutation of a good history is found by the invariant that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from penstock.contracts.records.governance import AuditEntry
from penstock.registry.audit_chain import ChainHead, next_entry
from penstock.registry.command_context import Provenance
from tests.faults.checker.invariants import INVARIANTS, violations
from tests.faults.checker.ledger import (
    CommandRow,
    EpochRow,
    LabelRow,
    Ledger,
    Loss,
    Operation,
    OutcomeRow,
    PredictionRow,
    Row,
    Sample,
    SegmentRow,
)


def _audit() -> tuple[AuditEntry, ...]:
    entries: list[AuditEntry] = []
    for number in range(3):
        head = ChainHead(entries[-1].number, entries[-1].hash) if entries else None
        provenance = Provenance("test", datetime(2026, 1, 1, tzinfo=UTC), None, None)
        entries.append(next_entry(head, "act", "s", {"n": number}, provenance))
    return tuple(entries)


AUDIT = _audit()
BODIES = [b"a", b"b", b"c"]
GOOD = Ledger(
    operations=(
        *(Operation(body.decode(), "k", body, "ok") for body in BODIES),
        Operation("a", "k", b"a2", "ok"),
        Operation("u", "k", b"u", "info"),
        Operation("f", "k", b"f", "fail"),
        Operation("la", "k", b"la", "ok", "label", "a", 0, "yes"),
        Operation("la again", "k", b"la again", "ok", "label", "a", 0, "yes"),
        Operation("lc", "k", b"lc", "ok", "label", "c", 0, "no"),
        Operation("lc1", "k", b"lc1", "ok", "label", "c", 1, "yes"),
    ),
    commands=(CommandRow("p", "ok", 0, "promoted", 1, 1), CommandRow("q", "fail", 0)),
    received=(
        *(Row(0, offset, "", body) for offset, body in enumerate([*BODIES, b"a2"])),
        Row(0, 4, "unreadable", b"\x00"),
        *(Row(0, 5 + n, "", body) for n, body in enumerate([b"la", b"lc", b"lc1"])),
    ),
    labels=(
        LabelRow(0, 0, b"la", "a", 0, "yes"),
        LabelRow(0, 1, b"lc", "c", 0, "no"),
        LabelRow(0, 2, b"lc1", "c", 1, "yes"),
    ),
    events=tuple(Row(0, offset, body.decode(), body) for offset, body in enumerate(BODIES)),
    rejected=(Row(0, 0, "a", b"", original=b"a2"),),
    dead_letters=(Row(0, 0, "d", b"", original=b"\x00", source_offset=4),),
    predictions=tuple(
        PredictionRow(0, n, body.decode(), "k", n // 2, n // 2, f"m{n // 2}") for n, body in enumerate(BODIES)
    ),
    outcomes=(
        OutcomeRow(0, "a", 0, "m0", 0, "yes"),
        OutcomeRow(1, "c", 1, "m1", 0, "no"),
        OutcomeRow(2, "c", 1, "m1", 1, "yes"),
    ),
    ends={"console": [("a", "joined"), ("c", "joined")], "trainer": [("c", "joined"), ("a", "joined")]},
    epochs=(EpochRow(0, 0, "m0"), EpochRow(1, 1, "m1"), EpochRow(1, 1, "m1")),
    installed=(EpochRow(0, 0, "m0"), EpochRow(1, 1, "m1")),
    registered={0: "m0", 1: "m1"},
    audit=AUDIT,
    audit_head=(3, AUDIT[-1].hash),
    lags={"validator": 0},
    segments=(SegmentRow("x", "x"),),
    http_statuses=(200, 202),
    log_text="started",
    canary_tokens=("canary-7",),
    samples=(Sample(100, 10, 5), Sample(104, 10, 5)),
)  # fmt: skip
P, E, R, D, OUT = GOOD.predictions, GOOD.events, GOOD.rejected, GOOD.dead_letters, GOOD.outcomes
L, IN, OPS = GOOD.labels, GOOD.received, GOOD.operations
A_DAY = 86_400_000  # ms
EXPIRED = Loss("expired", frozenset({"validator", "server"}))

MUTATIONS: list[tuple[str, Callable[[], Ledger]]] = [
    ("I1", lambda: replace(GOOD, events=E[1:])),
    ("I1", lambda: replace(GOOD, predictions=P[1:])),
    ("I1", lambda: replace(GOOD, rejected=())),
    ("I1", lambda: replace(GOOD, rejected=(*R, replace(R[0], original=b"b")))),
    ("I1", lambda: replace(GOOD, rejected=(*R, replace(R[0], original=b"f")))),
    ("I1", lambda: replace(GOOD, events=(*E, Row(0, 3, "z", b"z")))),
    ("I1", lambda: replace(GOOD, predictions=(*P, replace(P[0], id="z", offset=9)))),
    ("I1", lambda: replace(GOOD, operations=(*GOOD.operations, Operation("v", "k", b"v", "ok")))),
    ("I2", lambda: replace(GOOD, events=(*E, replace(E[0], offset=3, value=b"a2")))),
    ("I2", lambda: replace(GOOD, events=(*E, replace(E[0], partition=1)))),
    ("I2", lambda: replace(GOOD, outcomes=(*OUT, replace(OUT[0], offset=5, epoch=1, digest="m1")))),
    ("I2", lambda: replace(GOOD, outcomes=(replace(OUT[0], epoch=1, digest="m1"), *OUT[1:]))),
    ("I1", lambda: replace(GOOD, received=IN[1:], events=E[1:])),
    ("I1", lambda: replace(GOOD, received=(replace(IN[0], loss=Loss("expired")), *IN[1:]), events=E[1:])),
    ("I1", lambda: replace(GOOD, labels=L[1:])),
    ("I1", lambda: replace(GOOD, labels=(*L, replace(L[0], event="z", value=b"z")))),
    ("I1", lambda: replace(GOOD, outcomes=OUT[1:])),
    ("I1", lambda: replace(GOOD, outcomes=(replace(OUT[0], label="no"), *OUT[1:]))),
    ("I1", lambda: replace(GOOD, outcomes=(replace(OUT[0], label=None), *OUT[1:]))),
    ("I1", lambda: replace(GOOD, events=(*E[:2], replace(E[2], time=2 * A_DAY)))),
    ("I1", lambda: replace(GOOD, operations=(*OPS, Operation("lb", "k", b"lb", "ok", "label", "b", 0, "no")))),
    ("I1", lambda: replace(GOOD, operations=tuple(op for op in OPS if op.id != "la"))),
    ("I2", lambda: replace(GOOD, labels=(*L, replace(L[0], offset=3, value=b"la again")))),
    ("I2", lambda: replace(GOOD, outcomes=(*OUT, replace(OUT[0], offset=3, label="no")))),
    ("I2", lambda: replace(GOOD, ends={"console": [("a", "joined"), ("c", "expired")]})),
    ("I2", lambda: replace(GOOD, ends={"trainer": [("a", "joined"), ("c", "joined"), ("c", "joined")]})),
    ("I2", lambda: replace(GOOD, ends={"server": [("a", "joined")]})),
    ("I3", lambda: replace(GOOD, labels=(replace(L[0], offset=9), *L[1:]))),
    ("I3", lambda: replace(GOOD, outcomes=(OUT[0], replace(OUT[1], offset=3), OUT[2]))),
    ("I4", lambda: replace(GOOD, predictions=(replace(P[0], is_of_its_model=False), *P[1:]))),
    ("I5", lambda: replace(GOOD, installed=(GOOD.installed[0], EpochRow(1, 2, "m2")))),
    ("I5", lambda: replace(GOOD, commands=(CommandRow("p", "ok", 0, "promoted", 1, 0),))),
    ("I5", lambda: replace(GOOD, commands=(*GOOD.commands, CommandRow("q", "ok", 0, "promoted", 1, 1)))),
    ("I5", lambda: replace(GOOD, commands=(*GOOD.commands, CommandRow("p", "ok", 0, "unchanged", 1, 1)))),
    ("I5", lambda: replace(GOOD, commands=(CommandRow("p", "ok", 3, "promoted", 1, 1),))),
    ("I5", lambda: replace(GOOD, predictions=(replace(P[0], epoch=1, version=1, digest="m1"), *P[1:]))),
    ("I10", lambda: replace(GOOD, segments=(SegmentRow("x", "x", is_of_log=False),))),
    ("I3", lambda: replace(GOOD, predictions=(replace(P[0], offset=1), replace(P[1], offset=0), P[2]))),
    ("I3", lambda: replace(GOOD, predictions=(replace(P[0], offset=7), *P[1:]))),
    ("I4", lambda: replace(GOOD, predictions=(replace(P[0], digest="other"), *P[1:]))),
    ("I4", lambda: replace(GOOD, predictions=(replace(P[0], epoch=1), *P[1:]))),
    ("I4", lambda: replace(GOOD, registered={0: "m0"})),
    ("I4", lambda: replace(GOOD, unverified=frozenset({"m1"}))),
    ("I5", lambda: replace(GOOD, epochs=GOOD.epochs[1:])),
    ("I5", lambda: replace(GOOD, epochs=(*GOOD.epochs, EpochRow(3, 1, "m1")))),
    ("I5", lambda: replace(GOOD, epochs=(*GOOD.epochs, EpochRow(1, 0, "m0")))),
    ("I6", lambda: replace(GOOD, audit=AUDIT[:2])),
    ("I6", lambda: replace(GOOD, audit=(AUDIT[0], AUDIT[2]))),
    ("I6", lambda: replace(GOOD, audit=(AUDIT[1], AUDIT[0], AUDIT[2]))),
    ("I6", lambda: replace(GOOD, audit=(AUDIT[0].model_copy(update={"actor": "other"}), *AUDIT[1:]))),
    ("I7", lambda: replace(GOOD, http_statuses=(200, 503))),
    ("I8", lambda: replace(GOOD, lags={"validator": 1})),
    ("I8", lambda: replace(GOOD, outbox=1)),
    ("I8", lambda: replace(GOOD, open_runs=1)),
    ("I9", lambda: replace(GOOD, dead_letters=())),
    ("I9", lambda: replace(GOOD, dead_letters=(replace(D[0], original=b"\x01"),))),
    ("I10", lambda: replace(GOOD, segments=(SegmentRow("x", "y"),))),
    ("I11", lambda: replace(GOOD, files_outside=("/tmp/left",))),
    ("I11", lambda: replace(GOOD, log_text="refused canary-7")),
    ("I12", lambda: replace(GOOD, samples=(Sample(100, 10, 5), Sample(106, 10, 5)))),
    ("I12", lambda: replace(GOOD, samples=(Sample(100, 10, 5), Sample(100, 11, 5)))),
]


def test_a_good_history_violates_nothing() -> None:
    assert violations(GOOD) == {}


def test_what_the_log_lost_and_a_group_told_of_is_excused() -> None:
    unread = replace(GOOD, received=(replace(IN[0], loss=EXPIRED), *IN[1:]), events=E[1:], predictions=P[1:],
                     outcomes=OUT[1:], ends={})  # fmt: skip
    assert violations(unread) == {}
    unpredicted = replace(GOOD, events=(replace(E[1], loss=EXPIRED), E[0], E[2]), predictions=(P[0], P[2]))
    assert violations(unpredicted) == {}


def test_every_invariant_has_a_mutation() -> None:
    assert {name for name, _ in MUTATIONS} == set(INVARIANTS)


@pytest.mark.parametrize(("invariant", "mutate"), MUTATIONS)
def test_a_mutated_history_is_found(invariant: str, mutate: Callable[[], Ledger]) -> None:
    assert invariant in violations(mutate())
