"""Steps of repairs are kept in the audit log: once, with who and why, and published there."""

from __future__ import annotations

from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.repairs import Repair
from penstock.contracts.topics import AUDIT

from .conftest import Deployment

STEP = {
    "topic": "rejected",
    "step": "edited",
    "reason": "text since noon",
    "rule": {"where": {"code": "wrong_type"}, "cast": {"amount": "number"}, "set": {"n": 1, "ok": True}},
}


async def test_a_step_is_published_on_audit_as_it_was_given_and_once_for_a_key(loans: Deployment) -> None:
    headers = {"X-Penstock-Actor": "ann", "Idempotency-Key": "k"}
    answers = [
        await loans.client.post("/v1/streams/loans/repairs", json=STEP, headers=headers, timeout=None) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    entries = [entry for entry in loans.published(AUDIT) if isinstance(entry, AuditEntry)]
    (entry,) = [entry for entry in entries if entry.action == "repair.edited"]
    assert (entry.actor, entry.subject, entry.detail) == ("ann", "loans", STEP)
    assert str(entry.number) == answers[0].json()["command"]
    assert Repair.model_validate(entry.detail).model_dump(mode="json", exclude_defaults=True) == STEP
    verified = await loans.client.get("/v1/audit/verify")
    assert verified.json()["sound"] is True


async def test_who_had_partitions_tried_again_and_why_is_kept(loans: Deployment) -> None:
    body = {"resumed": {"validator": [0, 2]}, "reason": "the producer is mended"}
    headers = {"x-penstock-actor": "ann"}
    answer = await loans.client.post("/v1/streams/loans/resumed-units", json=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    entry = loans.published(AUDIT)[-1]
    assert isinstance(entry, AuditEntry)
    kept = {"resumed": {"validator": [0, 2]}, "why": "the producer is mended"}
    assert (entry.actor, entry.action, entry.detail) == ("ann", "units.resumed", kept)
    answer = await loans.client.post("/v1/streams/cards/resumed-units", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_stream")
