"""Checkpoints as a setting: off unless a place is named, on its interval, and told in the health."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from penstock.bus.state.rocksdb import RocksStateStores
from penstock.runtime.checkpoints import open_checkpoints, with_checkpoints
from penstock.runtime.service import Service
from penstock.runtime.settings import ServiceSettings, SettingsError
from penstock.telemetry.metrics import Metrics


def test_without_a_place_there_are_none(tmp_path: Path) -> None:
    assert open_checkpoints(ServiceSettings(), RocksStateStores(tmp_path), Metrics()) is None


def test_a_place_that_cannot_be_used_is_a_setting_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_CHECKPOINTS: no place for files"):
        open_checkpoints(ServiceSettings(checkpoints="ftp://x"), RocksStateStores(tmp_path), Metrics())


async def test_a_service_stores_them_again_and_again_and_says_what_failed(tmp_path: Path) -> None:
    metrics = Metrics()
    place = tmp_path / "place"
    stores = open_checkpoints(ServiceSettings(checkpoints=str(place)), RocksStateStores(tmp_path / "state"), metrics)
    assert stores is not None
    service = with_checkpoints(Service(health=lambda: {"fact": 7}), stores, 0.01)
    state = stores.open("group", "loans", 0)
    state.write({b"a": b"1"}, {"labels": 1})
    (task,) = [asyncio.ensure_future(task()) for task in service.tasks]

    def count(result: str) -> float:
        return metrics.registry.get_sample_value("penstock_checkpoints_total", {"result": result}) or 0

    async def until(result: str, counted: int) -> None:
        while count(result) < counted:  # noqa: ASYNC110 - a thread has no event for it
            await asyncio.sleep(0.01)

    await until("stored", 1)
    state.write({b"a": b"2"}, {"labels": 2})
    await until("stored", 2)
    assert service.health() == {"fact": 7}
    (place / "checkpoints").rename(place / "away")
    (place / "checkpoints").touch()
    await until("failed", 2)
    assert "could not be stored" in service.health()["checkpoints"]["group/loans/0"]
    (place / "checkpoints").unlink()
    state.write({}, {"labels": 3})
    await until("stored", 3)
    assert service.health() == {"fact": 7}
    task.cancel()
    state.close()
    await stores.close()
