"""Bad requests to the registry: the status and code of each row, and nothing changed by any of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.artifacts import MemoryStore, Signer, Verifier, generate_key_pair
from penstock.contracts.topics import COMMANDS, TRAINING_RUNS
from penstock.registry.db.engines import IN_MEMORY, open_engine
from penstock.registry.wiring import Parts
from services.registry.tests.conftest import Deployment, deployed

from .rows import rows

LOANS = "/v1/streams/loans"
PROMOTE, ROLLBACK = f"{LOANS}/promote", f"{LOANS}/rollback"
TOML = {"Content-Type": "application/toml"}
V2 = {"version": 2, "expected_epoch": 1}  # promotes version 2
TRAVERSALS = ("..", "%2e%2e%2fetc", "a%2fb", "a%00b", "-a", "A", "a b", "a;drop", "x" * 64, "%F0%9F%92%A3", "a%0a")
HTML = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Bad:
    """A request, and the status and code it is refused with; status 0: 404, 405 or 422."""

    status: int
    code: str | None
    path: str = PROMOTE
    json: Any = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def promote(status: int, code: str, **changes: Any) -> Bad:
    """A promotion of version 2 with changes."""
    return Bad(status, code, json=V2 | changes)


REFUSED = {
    "R1 traversal set": [
        Bad(0, None, path, content=content, headers=TOML, method=method)
        for name in TRAVERSALS
        for path, method, content in (
            (f"/v1/streams/{name}/models", "GET", None),
            (f"/v1/streams/{name}", "PUT", b""),
            (f"/v1/models/loans/{name}", "GET", None),
            (f"/v1/models/{name}/1", "DELETE", None),
        )
    ],
    "R2 promote what cannot serve": [
        promote(404, "unknown_version", version=9),
        Bad(404, "unknown_stream", "/v1/streams/cards/promote", V2),
        promote(409, "archived_version", version=3),
        promote(409, "untrusted_version", version=4),
    ],
    "R3 stale epoch": [
        promote(409, "stale_epoch", expected_epoch=0),
        promote(409, "stale_epoch", expected_epoch=2),
        Bad(409, "stale_epoch", json={"version": 2}, headers={"If-Match": '"0"'}),
    ],
    "R6 delete the version in service": [Bad(409, "version_in_service", "/v1/models/loans/1", method="DELETE")],
    "R8 canary share": [
        promote(422, "invalid", canary=-1),
        promote(422, "invalid", canary=101),
        Bad(422, "invalid", content=b'{"version":2,"expected_epoch":1,"canary":NaN}'),
    ],
    "R9 metadata": [
        promote(413, "too_large", detail="x" * 1_000_000),
        promote(422, "invalid", detail="x" * 1001),
        Bad(422, "invalid", json=V2, headers={"X-Penstock-Actor": HTML}),
    ],
    "R11 digest mismatch": [promote(422, "digest_mismatch", digest="sha256:00")],
    "R14 no epoch named": [Bad(428, "epoch_missing", json={"version": 2})],
}


@asynccontextmanager
async def open_registry(tmp_path: Path) -> AsyncIterator[Deployment]:
    """A registry: version 1 serves at epoch 1, 2 was kept back, 3 is archived, the bytes of 4 are gone."""
    generate_key_pair(tmp_path / "private", tmp_path / "public")
    signer, verifier = Signer.from_file(tmp_path / "private"), Verifier.from_file(tmp_path / "public")
    async with deployed(Parts(MemoryStore(), signer, verifier, open_engine(IN_MEMORY))) as registry:
        await registry.registry.apply(registry.declaration)
        await registry.send(TRAINING_RUNS, registry.run(1))
        for number in (2, 3, 4):
            await registry.send(TRAINING_RUNS, registry.run(number, gain=0.0))
        await registry.registry.archive("loans", 3)
        lost = registry.run(4).candidate
        assert lost is not None
        del registry.store.contents[lost.digest]
        yield registry


async def refuse(registry: Deployment, bad: Bad) -> None:
    """Send a request that is refused as it says; nothing of it is repeated, and the audit log stays as it is."""
    audited = (await registry.client.get("/v1/audit/verify")).json()
    sent: dict[str, Any] = {"json": bad.json} if bad.json is not None else {"content": bad.content}
    answer = await registry.client.request(bad.method, bad.path, headers=bad.headers, **sent)
    assert answer.status_code in ({bad.status} if bad.status else {404, 405, 422}), answer.text
    problem = answer.json()
    assert bad.code in (None, problem["code"])
    assert {"type", "title", "status", "code", "detail"} <= set(problem)
    assert answer.headers["Content-Type"] == "application/problem+json"
    for text in ("xxxx", HTML, "Traceback"):
        assert text not in answer.text
    assert (await registry.client.get("/v1/audit/verify")).json() == audited


async def epochs(registry: Deployment) -> list[tuple[int, int]]:
    """Each epoch of the stream and the version of its champion."""
    answer = await registry.client.get(f"{LOANS}/epochs")
    return [(each["epoch"], each["champion"]["version"]) for each in answer.json()["epochs"]]


@rows(REFUSED)
async def test_a_bad_request_is_refused_and_a_good_one_done(tmp_path: Path, row: list[Bad]) -> None:
    async with open_registry(tmp_path) as registry:
        for bad in row:
            await refuse(registry, bad)
        assert (await registry.client.post(PROMOTE, json=V2)).status_code == 200
        assert await epochs(registry) == [(0, 0), (1, 1), (2, 2)]


async def test_r4_of_two_promotions_at_once_one_wins(tmp_path: Path) -> None:
    async with open_registry(tmp_path) as registry:
        answers = await asyncio.gather(*(registry.client.post(PROMOTE, json=V2) for _ in range(2)))
        rivals = await asyncio.gather(
            *(registry.client.post(PROMOTE, json={"version": n, "expected_epoch": 2}) for n in (0, 1))
        )
        assert sorted(answer.status_code for answer in rivals) == [200, 409]
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert [epoch for epoch, _ in await epochs(registry)] == [0, 1, 2, 3]


async def test_r5_there_is_nothing_to_roll_back_to_before_the_first_version(tmp_path: Path) -> None:
    async with open_registry(tmp_path) as registry:
        assert (await registry.client.post(ROLLBACK)).status_code == 200
        await refuse(registry, Bad(409, "first_version", ROLLBACK))
        await refuse(registry, Bad(409, "never_served", ROLLBACK, {"to_version": 2}))
        assert await epochs(registry) == [(0, 0), (1, 1), (2, 0)]


async def test_r7_promoting_the_champion_again_changes_nothing(tmp_path: Path) -> None:
    async with open_registry(tmp_path) as registry:
        before = await epochs(registry)
        answer = await registry.client.post(PROMOTE, json={"version": 1, "expected_epoch": 0})
        assert answer.status_code == 200
        assert await epochs(registry) == before


async def test_r13_another_body_under_an_idempotency_key_is_a_conflict(tmp_path: Path) -> None:
    async with open_registry(tmp_path) as registry:
        key = {"Idempotency-Key": "k1"}
        assert (await registry.client.post(f"{LOANS}/retrain", json={}, headers=key)).status_code == 202
        await refuse(registry, Bad(409, "idempotency_key_reused", f"{LOANS}/retrain", {"detail": "other"}, headers=key))
        assert len(registry.published(COMMANDS)) == 1
