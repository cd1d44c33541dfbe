"""Concurrent promotions in one database, its migrations, and what happens when it is away."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from penstock.bus.errors import TransientError
from penstock.contracts.topics import MODELS, TRAINING_RUNS
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.db.engines import BadDatabase, open_engine
from penstock.registry.db.migration import migrate
from penstock.registry.db.tables import Table
from penstock.registry.use_cases.model_commands import Promotion
from penstock.registry.wiring import Parts, registry_of


@pytest.fixture
async def three_candidates(loans: Any) -> Any:
    """Three candidates that were kept back, to be promoted by hand."""
    for number in (1, 2, 3):
        await loans.send(TRAINING_RUNS, loans.run(number, gain=0.0))
    return loans


def registries(deployment: Any, url: str, count: int) -> list[Any]:
    """Registries with connections of their own to the same database."""
    parts = [replace(deployment.parts, engine=open_engine(url)) for _ in range(count)]
    return [registry_of(each, deployment.process.resources()) for each in parts]


async def test_of_two_promotions_at_once_one_wins(three_candidates: Any, database_url: str) -> None:
    first, second = registries(three_candidates, database_url, 2)
    results = await asyncio.gather(
        first.promote("loans", Promotion(1, 0)), second.promote("loans", Promotion(2, 0)), return_exceptions=True
    )
    (promoted,) = (result for result in results if isinstance(result, CommandResult))
    (refused,) = (result for result in results if isinstance(result, CommandRefused))
    assert (promoted.epoch, refused.code) == (1, "stale_epoch")
    assert [record.epoch for record in three_candidates.published(MODELS)] == [0, 1]
    assert three_candidates.published(MODELS)[-1].champion.version == promoted.model


async def test_epochs_have_no_gap_and_the_log_has_them_in_order(three_candidates: Any, database_url: str) -> None:
    several = registries(three_candidates, database_url, 3)
    promotions = [
        registry.promote("loans", Promotion(version, epoch))
        for epoch in range(4)
        for version, registry in enumerate(several, start=1)
    ]
    await asyncio.gather(*promotions, return_exceptions=True)
    epochs = [record.epoch for record in three_candidates.published(MODELS)]
    assert epochs == list(range(len(epochs)))
    assert (await three_candidates.client.get("/v1/audit/verify")).json()["sound"]


def test_the_migrations_create_the_tables_of_the_code(engine: Engine) -> None:
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


async def test_a_database_that_a_newer_registry_migrated_is_used_as_it_is(loans: Any) -> None:
    engine = loans.parts.engine
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    registry = registry_of(loans.parts, loans.process.resources())
    assert (await registry.apply(loans.declaration)).status == "unchanged"


@pytest.mark.parametrize("database_url", ["sqlite:///:memory:"])
async def test_a_locked_database_is_a_transient_error(parts: Parts, deploy: Any, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'locked.db'}", lock_timeout_s=0)
    async with deploy(replace(parts, engine=engine)) as deployment:
        await deployment.registry.apply(deployment.declaration)
        other = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match="locked"):
            await deployment.registry.record_run(deployment.run(1))
        answer = await deployment.client.post("/v1/streams/loans/retrain")
        assert (answer.status_code, answer.json()["code"], "Retry-After" in answer.headers) == (
            503,
            "unavailable",
            True,
        )
        assert (await deployment.client.get("/v1/streams/loans")).status_code == 200
        other.execute("ROLLBACK")
        other.close()
        assert (await deployment.client.post("/v1/streams/loans/retrain")).status_code == 202


@pytest.mark.parametrize("url", ["mysql://host/name", "no url", "sqlite:////proc/nowhere/registry.db"])
def test_an_unusable_url_is_one_clear_line(url: str) -> None:
    with pytest.raises(BadDatabase) as error:
        open_engine(url)
    assert "\n" not in str(error.value)


async def test_an_edited_row_is_detected(loans: Any) -> None:
    with loans.parts.engine.begin() as connection:
        record = connection.execute(text("SELECT record FROM audit WHERE number = 1")).scalar_one()
        document = record if isinstance(record, str) else json.dumps(record)
        changed = document.replace("operator", "mallory")
        connection.execute(text("UPDATE audit SET record = :record WHERE number = 1"), {"record": changed})
    answer = (await loans.client.get("/v1/audit/verify")).json()
    assert (answer["sound"], answer["fault"]) == (False, "entry 1 was altered")


async def test_an_older_copy_of_the_database_is_detected_by_the_published_head(loans: Any) -> None:
    verified = (await loans.client.get("/v1/audit/verify")).json()
    with loans.parts.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit WHERE number = 2"))
    head = {"number": verified["number"], "hash": verified["hash"]}
    answer = (await loans.client.get("/v1/audit/verify", params=head)).json()
    assert answer["fault"] == "the log ends at entry 1, entry 2 was published"
