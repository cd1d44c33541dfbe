"""The registry over HTTP: each wrong request gets a problem that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from penstock.artifacts import MemoryStore, Signer, Verifier
from penstock.contracts.topics import COMMANDS, MODELS, TRAINING_RUNS
from penstock.registry.db.engines import IN_MEMORY, open_engine
from penstock.registry.wiring import Parts

PROMOTE = "/v1/streams/loans/promote"
PROMOTE_CARDS = "/v1/streams/cards/promote"
ROLLBACK = "/v1/streams/loans/rollback"
LOANS = "/v1/streams/loans"
PUSH = {"digest": f"sha256:{'0' * 64}", "family": "onnx"}
REPAIRS = "/v1/streams/loans/repairs"
TOML = {"Content-Type": "application/toml"}
TRAVERSALS = ["..", "%2e%2e%2fetc", "a%2fb", "a%00b", "-a", "A", "a b", "a;drop", "x" * 64, "%F0%9F%92%A3", "a%0a"]


@dataclass
class Case:
    """A request and how it is to be answered. The champion is version 1 at epoch 1; 2 was kept back, 3 is archived."""

    name: str
    method: str
    path: str
    status: int
    code: str | None = None
    json: Any = None
    content: bytes | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


DROPPED = {"topic": "rejected", "step": "dropped", "reason": "a test", "records": [{"at": "0:7", "old": "0" * 32}]}
V2 = {"version": 2, "expected_epoch": 1}  # promotes version 2

CASES = [
    Case("R2 promote an unknown version", "POST", PROMOTE, 404, "unknown_version", V2 | {"version": 9}),
    Case("R2 promote for an unknown stream", "POST", PROMOTE_CARDS, 404, "unknown_stream", V2 | {"version": 1}),
    Case("R2 promote an archived version", "POST", PROMOTE, 409, "archived_version", V2 | {"version": 3}),
    Case("R2 promote a version whose bytes are gone", "POST", PROMOTE, 409, "untrusted_version", V2 | {"version": 4}),
    Case("R3 promote with a stale epoch", "POST", PROMOTE, 409, "stale_epoch", {"version": 2, "expected_epoch": 0}),
    Case("R3 promote with an epoch to come", "POST", PROMOTE, 409, "stale_epoch", {"version": 2, "expected_epoch": 2}),
    Case("R3 promote at the last epoch of all", "POST", PROMOTE, 422, "invalid", V2 | {"expected_epoch": 2**31 - 1}),
    Case("R5 roll back to a version that never served", "POST", ROLLBACK, 409, "never_served", {"to_version": 2}),
    Case("R5 roll back to an unknown version", "POST", ROLLBACK, 404, "unknown_version", {"to_version": 9}),
    Case("R5 roll back with a stale epoch", "POST", ROLLBACK, 409, "stale_epoch", {"expected_epoch": 0}),
    Case("R6 delete the version in service", "DELETE", "/v1/models/loans/1", 409, "version_in_service"),
    Case("R6 delete an unknown version", "DELETE", "/v1/models/loans/9", 404, "unknown_version"),
    Case("R7 promote the champion again", "POST", PROMOTE, 200, None, {"version": 1, "expected_epoch": 0}),
    Case("R8 canary of -1", "POST", PROMOTE, 422, "invalid", V2 | {"canary": -1}),
    Case("R8 canary of 101", "POST", PROMOTE, 422, "invalid", V2 | {"canary": 101}),
    Case("R8 canary of NaN", "POST", PROMOTE, 422, "invalid", content=b'{"version":2,"expected_epoch":1,"canary":NaN}'),
    Case("a repair of an unknown stream", "POST", "/v1/streams/cards/repairs", 404, "unknown_stream", DROPPED),
    Case("a repair of records that are nowhere", "POST", REPAIRS, 422, "invalid", DROPPED | {"records": [{"at": "7"}]}),
    Case("a repair by a step that there is not", "POST", REPAIRS, 422, "invalid", DROPPED | {"step": "burnt"}),
    Case("a repair of a megabyte", "POST", REPAIRS, 413, "too_large", DROPPED | {"reason": "x" * 1_000_000}),
    Case("R9 a megabyte of detail", "POST", PROMOTE, 413, "too_large", V2 | {"detail": "x" * 1_000_000}),
    Case("R9 too long a detail", "POST", PROMOTE, 422, "invalid", V2 | {"detail": "x" * 1001}),
    Case("R9 an HTML actor", "POST", PROMOTE, 422, "invalid", V2, headers={"X-Penstock-Actor": "<b>"}),
    Case("R11 another digest", "POST", PROMOTE, 422, "digest_mismatch", V2 | {"digest": "sha256:00"}),
    Case("R14 no epoch named", "POST", PROMOTE, 428, "epoch_missing", {"version": 2}),
    Case("R14 If-Match and body differ", "POST", PROMOTE, 422, "invalid", V2, headers={"If-Match": '"0"'}),
    Case("If-Match is no epoch", "POST", PROMOTE, 422, "invalid", {"version": 2}, headers={"If-Match": "*"}),
    Case("a version that is text", "POST", PROMOTE, 422, "invalid", V2 | {"version": "2"}),
    Case("a version that is true", "POST", PROMOTE, 422, "invalid", V2 | {"version": True}),
    Case("a version below 0", "POST", PROMOTE, 422, "invalid", V2 | {"version": -1}),
    Case("a version of 5,000 digits", "POST", PROMOTE, 400, "bad_json", content=b'{"version":' + b"9" * 5000 + b"}"),
    Case("a rollback to an unknown epoch", "POST", ROLLBACK, 404, "unknown_epoch", {"to_epoch": 7}),
    Case("a rollback to epoch and version", "POST", ROLLBACK, 422, "invalid", {"to_epoch": 0, "to_version": 0}),
    Case("a rollback to an epoch of text", "POST", ROLLBACK, 422, "invalid", {"to_epoch": "0"}),
    Case("R14 a rollback of a stale epoch", "POST", ROLLBACK, 409, "stale_epoch", {"to_epoch": 0, "expected_epoch": 0}),
    Case("no body", "POST", PROMOTE, 422, "invalid"),
    Case("null", "POST", PROMOTE, 422, "invalid", content=b"null"),
    Case("not JSON", "POST", PROMOTE, 400, "bad_json", content=b"{version: 2}"),
    Case("not UTF-8", "POST", PROMOTE, 400, "bad_json", content=b'{"detail":"\xff"}'),
    Case(
        "a lone surrogate", "POST", PROMOTE, 400, "bad_json",
        content=b'{"version":2,"expected_epoch":1,"detail":"\\ud800"}'
    ),
    Case("nested too deep", "POST", PROMOTE, 400, "bad_json", content=b"[" * 16_000),
    Case("history of an unknown stream", "POST", "/v1/streams/cards/imported", 404, "unknown_stream", {"outcomes": 1}),
    Case("history of no outcomes", "POST", f"{LOANS}/imported", 422, "invalid", {"outcomes": 0}),
    Case("a push of nothing", "POST", f"{LOANS}/push", 404, "unknown_artifact", PUSH),
    Case("a push without a family", "POST", f"{LOANS}/push", 422, "invalid", {"digest": PUSH["digest"]}),
    Case("a push with a list", "POST", f"{LOANS}/push", 422, "invalid", PUSH | {"metadata": {"a": [1]}}),
    Case("a push to an unknown stream", "POST", "/v1/streams/cards/push", 404, "unknown_stream", PUSH),
    Case("retrain an unknown stream", "POST", "/v1/streams/cards/retrain", 404, "unknown_stream", {}),
    Case("an unknown stream", "GET", "/v1/streams/cards", 404, "unknown_stream"),
    Case("models of an unknown stream", "GET", "/v1/streams/cards/models", 404, "unknown_stream"),
    Case("epochs of an unknown stream", "GET", "/v1/streams/cards/epochs", 404, "unknown_stream"),
    Case("runs of an unknown stream", "GET", "/v1/streams/cards/runs", 404, "unknown_stream"),
    Case("an unknown version", "GET", "/v1/models/loans/9", 404, "unknown_version"),
    Case("an unknown path", "GET", "/v2/streams", 404, "not_found"),
    Case("another method", "DELETE", LOANS, 405, "method_not_allowed"),
    Case("audit page of 0", "GET", "/v1/audit?limit=0", 422, "invalid"),
    Case("half a published head", "GET", "/v1/audit/verify?number=1", 422, "invalid"),
    Case(
        "a declaration of another type", "PUT", LOANS, 415, "unsupported_media_type",
        content=b"x", headers={"Content-Type": "text/html"}
    ),
    Case("S1 a declaration that is no TOML", "PUT", LOANS, 400, "bad_toml", content=b"[stream", headers=TOML),
    Case("S1 a declaration that is not UTF-8", "PUT", LOANS, 400, "bad_encoding", content=b"\xff\xfe", headers=TOML),
    Case("S1 a declaration without a stream", "PUT", LOANS, 422, "bad_declaration", content=b"x = 1", headers=TOML),
    Case("a declaration of a megabyte", "PUT", LOANS, 413, "too_large", content=b"#" * 1_000_001, headers=TOML),
    Case("a JSON declaration that lacks all", "PUT", LOANS, 422, "bad_declaration", {}),
    Case(
        "a JSON declaration that is no JSON", "PUT", LOANS, 400, "bad_json",
        content=b"{", headers={"Content-Type": "application/json"}
    ),
    *(Case(f"R1 {name!r} as a stream", "GET", f"/v1/streams/{name}/models", 0) for name in TRAVERSALS),
    *(Case(f"R1 {name!r} to apply", "PUT", f"/v1/streams/{name}", 0, content=b"", headers=TOML) for name in TRAVERSALS),
    *(Case(f"R1 {name!r} as a version", "GET", f"/v1/models/loans/{name}", 0) for name in TRAVERSALS),
]  # fmt: skip


async def with_versions(loans: Any) -> Any:
    """Version 1 serves at epoch 1, 2 was kept back, 3 is archived, the bytes of 4 are gone."""
    await loans.send(TRAINING_RUNS, loans.run(1))
    for number in (2, 3, 4):
        await loans.send(TRAINING_RUNS, loans.run(number, gain=0.0))
    await loans.registry.archive("loans", 3)
    del loans.store.contents[loans.run(4).candidate.digest]
    return loans


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def table(keys: tuple[Path, Path], deploy: Any) -> AsyncIterator[Any]:
    """One registry for the whole table: no request of it changes anything."""
    signer, verifier = Signer.from_file(keys[0]), Verifier.from_file(keys[1])
    async with deploy(Parts(MemoryStore(), signer, verifier, open_engine(IN_MEMORY))) as deployment:
        await deployment.registry.apply(deployment.declaration)
        yield await with_versions(deployment)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_request_is_answered_as_the_table_says(table: Any, case: Case) -> None:
    audited = (await table.client.get("/v1/audit/verify")).json()
    sent = {"json": case.json} if case.json is not None else {"content": case.content}
    answer = await table.client.request(case.method, case.path, headers=case.headers, **sent)
    if case.status == 0:
        assert answer.status_code in (404, 405, 422)
    else:
        assert answer.status_code == case.status
    if answer.status_code >= 400:
        problem = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert set(problem) >= {"type", "title", "status", "code", "detail"}
        assert case.code in (None, problem["code"])
        assert "xxx" not in answer.text
    assert (await table.client.get("/v1/audit/verify")).json() == audited


async def test_apply_promote_roll_back(deployment: Any) -> None:
    client = deployment.client
    applied = await client.put(LOANS, content=deployment.text, headers=TOML)
    assert (applied.status_code, applied.json()["status"]) == (201, "created")
    again = await client.put(LOANS, json=deployment.declaration.model_dump(mode="json"))
    assert (again.status_code, again.json()["status"]) == (200, "unchanged")
    await deployment.send(TRAINING_RUNS, deployment.run(1, gain=0.0))
    etag = (await client.get(LOANS)).headers["ETag"]
    promoted = await client.post(PROMOTE, json={"version": 1}, headers={"If-Match": etag, "X-Penstock-Actor": "ann"})
    assert promoted.json() | {"status": "promoted", "epoch": 1, "model": 1} == promoted.json()
    rolled = await client.post(ROLLBACK)
    assert rolled.json() | {"status": "rolled_back", "epoch": 2, "model": 0} == rolled.json()
    first = await client.post(ROLLBACK)
    assert (first.status_code, first.json()["code"]) == (409, "first_version")
    epochs = (await client.get(f"{LOANS}/epochs")).json()["epochs"]
    assert [(epoch["epoch"], epoch["reason"], epoch["champion"]["version"]) for epoch in epochs] == [
        (0, "baseline", 0),
        (1, "command", 1),
        (2, "rollback", 0),
    ]
    assert [record.epoch for record in deployment.published(MODELS)] == [0, 1, 2]
    entries = (await client.get("/v1/audit", params={"limit": 2, "after": 3})).json()
    assert [(entry["action"], entry["actor"]) for entry in entries["entries"]] == [
        ("epoch.installed", "ann"),
        ("epoch.installed", "operator"),
    ]
    models = (await client.get(f"{LOANS}/models")).json()["models"]
    assert [(model["model"]["version"], model["serving"], model["passed"]) for model in models] == [
        (0, True, True),
        (1, False, False),
    ]
    assert [stream["name"] for stream in (await client.get("/v1/streams")).json()["streams"]] == ["loans"]


async def test_metadata_is_kept_as_text(loans: Any) -> None:
    registry = await with_versions(loans)
    detail = "'; DROP TABLE audit; -- <script>alert(1)</script> \x00"
    body = {"version": 2, "expected_epoch": 1, "detail": detail}
    assert (await registry.client.post(PROMOTE, json=body)).status_code == 200
    assert (await registry.client.get(f"{LOANS}/epochs")).json()["epochs"][-1]["detail"] == detail


@pytest.mark.parametrize(("host", "named"), [("10.0.0.7:8030", "10.0.0.7"), ("[::1]:8030", "[::1]")])
async def test_a_client_is_told_where_everything_else_is(deployment: Any, host: str, named: str) -> None:
    response = await deployment.client.get("/v1/deployment", headers={"host": host})
    assert response.json() == {
        "namespace": "penstock",
        "kafka": f"{named}:9092",
        "services": {"server": f"http://{named}:8020", "console": "https://c.example"},
        "artifacts": "s3://models",
        "trusted_keys": "PEM",
    }


async def test_retraining_is_requested(loans: Any) -> None:
    answer = await loans.client.post(f"{LOANS}/retrain", json={"detail": "new tariff"})
    (command,) = loans.published(COMMANDS)
    assert (answer.status_code, answer.json()["command"]) == (202, command.id)
    assert (command.kind, command.stream, command.by, command.detail) == ("retrain", "loans", "operator", "new tariff")


async def test_a_model_that_was_made_elsewhere_is_pushed_once_with_what_is_said_of_it(loans: Any) -> None:
    digest = loans.store.put(b"a package")
    body = {"digest": digest, "family": "onnx", "metadata": {"auc": 0.9, "trees": 3, "audited": True}, "notes": "n"}
    headers = {"Idempotency-Key": "k1", "X-Penstock-Actor": "ann"}
    answers = [await loans.client.post(f"{LOANS}/push", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202] * 2
    (command,) = loans.published(COMMANDS)
    assert (command.kind, command.by, command.push.by, command.push.digest) == ("retrain", "ann", "ann", digest)
    assert command.push.metadata == {"auc": 0.9, "trees": 3, "audited": True}
    assert [type(value) for value in command.push.metadata.values()] == [float, int, bool]
    entries = (await loans.client.get("/v1/audit")).json()["entries"]
    assert entries[-1]["action"] == "model.pushed"


async def test_an_import_of_history_is_announced(loans: Any) -> None:
    bodies = [{"outcomes": 120, "detail": "past.csv"}, {"outcomes": 120}, {"outcomes": 130}]
    answers = [await loans.client.post(f"{LOANS}/imported", json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [202] * 3
    commands = loans.published(COMMANDS)
    assert [(command.kind, command.outcomes) for command in commands] == [
        ("imported", 120),
        ("imported", 120),
        ("imported", 130),
    ]
    assert commands[0].id == commands[1].id != commands[2].id
    entries = (await loans.client.get("/v1/audit")).json()["entries"]
    assert [entry["action"] for entry in entries].count("history.imported") == 3


async def test_a_command_under_a_key_is_done_once(loans: Any) -> None:
    key = {"Idempotency-Key": "k1"}
    answers = [await loans.client.post(f"{LOANS}/retrain", json={}, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(loans.published(COMMANDS)) == 1
    other = await loans.client.post(f"{LOANS}/retrain", json={"detail": "x"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_declaration_names_the_stream_of_its_path(deployment: Any) -> None:
    answer = await deployment.client.put("/v1/streams/cards", content=deployment.text, headers=TOML)
    assert (answer.status_code, answer.json()["code"]) == (422, "name_mismatch")


async def test_an_incompatible_declaration_says_which_field_and_what_to_do(loans: Any) -> None:
    changed = loans.text.replace('entity = "customer"', "ordered = false")
    answer = await loans.client.put(LOANS, content=changed, headers=TOML)
    assert (answer.status_code, answer.json()["field"]) == (409, "entity")
    assert "set it back" in answer.json()["detail"]


async def test_an_unexpected_error_is_answered_as_internal(loans: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise ArithmeticError("a bug")

    monkeypatch.setattr(loans.registry, "promote", fail)
    loans.client._transport.raise_app_exceptions = False
    answer = await loans.client.post(PROMOTE, json={"version": 0, "expected_epoch": 0})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "a bug" not in answer.text
