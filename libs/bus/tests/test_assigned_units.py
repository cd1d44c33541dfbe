"""Assigned units: stores are opened and closed where waiting for the disk holds up nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.bus.routes import Group
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.state.unit_state import StateStore
from penstock.bus.worker.assigned_units import AssignedUnits
from penstock.contracts.topics import LABELS


class RecordingStores(RocksStateStores):
    """Records in which thread stores are opened and closed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened: list[threading.Thread] = []
        self.closed: list[threading.Thread] = []

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        self.opened.append(threading.current_thread())
        store = super().open(group, stream, partition)
        store.close = self._recorded(store.close)  # type: ignore[method-assign]
        return store

    def _recorded(self, close: Callable[[], None]) -> Callable[[], None]:
        def recorded() -> None:
            self.closed.append(threading.current_thread())
            close()

        return recorded


async def test_a_store_that_makes_room_is_closed_in_a_thread_as_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.bus.worker.assigned_units.MAX_OPEN_STORES", 2)
    stores = RecordingStores(tmp_path)
    units = AssignedUnits(Group("g", (LABELS,), lambda *_: [], stateful=True), "n", stores)
    for assigned in units.assign([(f"n.s{number}.labels", 0) for number in range(5)]):
        await units.open(assigned)
    assert (len(stores.opened), len(stores.closed)) == (5, 3)
    assert threading.main_thread() not in {*stores.opened, *stores.closed}
    units.close()
    assert len(stores.closed) == 5
