"""State on disk with checkpoints elsewhere: stored every few minutes, and fetched where this disk's state is behind."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from penstock.artifacts import ArtifactError, CorruptArtifact, MissingArtifact
from penstock.bus.errors import TransientError
from penstock.bus.state.checkpoint import CheckpointName
from penstock.bus.state.checkpoint_store import CheckpointStore
from penstock.bus.state.progress import NO_PROGRESS, Progress, progress_of, set_resets
from penstock.bus.state.rocksdb import CorruptState, RocksStateStore, RocksStateStores
from penstock.bus.state.unit_state import UnitKey

R = TypeVar("R")
Count = Callable[[Literal["stored", "fetched", "failed", "unusable"]], None]

FETCHES = 4  # at a time; of checkpoints one is stored at a time
LAST_ROUND = 5.0  # seconds for the checkpoints of a service that is stopped

log = logging.getLogger(__name__)


class CheckpointedStores:
    """Stores on disk, and checkpoints of them.

    `problems` are the units whose last checkpoint could not be stored or used, and why; they work all the same.
    """

    def __init__(self, stores: RocksStateStores, checkpoints: CheckpointStore, count: Count) -> None:
        self.problems: dict[str, str] = {}
        self._stores = stores
        self._checkpoints = checkpoints
        self._count = count
        self._used: dict[UnitKey, RocksStateStore] = {}  # those that are open, or were since the last round
        self._round = threading.Lock()
        self._fetchers = ThreadPoolExecutor(FETCHES, "checkpoint")

    # --- as stores

    def open(self, group: str, stream: str | None, partition: int) -> RocksStateStore:
        """The unit's store, as it is on this disk.

        Raises:
            StateLocked: it is still open, here or in another process.
            TransientError: the folder cannot be written.
        """
        store = self._used[group, stream, partition] = self._stores.open(group, stream, partition)
        return store

    def prepare(self, group: str, stream: str | None, partition: int) -> asyncio.Future[None]:
        """Bring the state on this disk up to the newest checkpoint, in a thread, unless it is as far.

        The future fails with a `TransientError` where that cannot be known or done for now.
        """
        preparation = asyncio.get_running_loop().run_in_executor(
            self._fetchers, self._bring_up_to_date, (group, stream, partition)
        )
        preparation.add_done_callback(_take_notice)  # the unit may be revoked meanwhile
        return preparation

    async def run(self, work: Callable[[], R]) -> R:
        """As stores on disk do."""
        return await self._stores.run(work)

    # --- storing

    async def store_every(self, seconds: float) -> None:
        """Store checkpoints of the states that changed, again and again, in a thread."""
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.store_changed)

    async def close(self) -> None:
        """Store checkpoints of the states that changed and are closed by now, and stop, within some seconds."""
        last_round = asyncio.get_running_loop().call_later(LAST_ROUND, self._checkpoints.stopping.set)
        await asyncio.to_thread(self.store_changed)
        last_round.cancel()
        self._checkpoints.stopping.set()
        self._fetchers.shutdown(wait=False, cancel_futures=True)

    def store_changed(self) -> None:
        """Store checkpoints of the states that changed since their last one, one after the other."""
        with self._round:
            for unit, store in list(self._used.items()):
                if self._checkpoints.stopping.is_set():
                    return
                self._store_reporting(unit, store)

    def _store_reporting(self, unit: UnitKey, store: RocksStateStore) -> None:
        try:
            self._store_if_changed(unit, store)
        except Exception as error:  # whatever it is, the unit works without
            self._report(unit, f"its checkpoint could not be stored: {error}")
            self._count("failed")
        else:
            self.problems.pop(_text(unit), None)
            if not store.is_open and self._used.get(unit) is store:
                del self._used[unit]

    def _store_if_changed(self, unit: UnitKey, used: RocksStateStore) -> None:
        newest = max((name.progress for name in self._checkpoints.names(unit)), default=NO_PROGRESS)
        with self._opened(unit, used) as store:
            progress, positions = progress_of(store), store.positions()
            if progress <= newest:
                return
            folder = self._new_folder(unit, "checkpoint")
            store.make_checkpoint(folder)
        started = time.monotonic()
        try:
            self._checkpoints.put(unit, folder, progress, positions)
        finally:
            shutil.rmtree(folder)
        log.info("checkpoint of %s at %s, stored in %.1f s", _text(unit), positions, time.monotonic() - started)
        self._count("stored")

    @contextmanager
    def _opened(self, unit: UnitKey, used: RocksStateStore) -> Iterator[RocksStateStore]:
        """The store that is used; one that is closed by now is opened for the moment."""
        with used.kept_open() as is_open:
            if is_open:
                yield used
                return
        with closing(self._stores.open(*unit)) as reopened:
            yield reopened

    # --- fetching

    def _bring_up_to_date(self, unit: UnitKey) -> None:
        with closing(self._stores.open(*unit)) as local:  # it is locked until what replaces it is there
            fetched = self._fetch_newer(unit, local)
        if fetched is not None:
            self._stores.replace(unit, fetched)
            self._count("fetched")

    def _fetch_newer(self, unit: UnitKey, local: RocksStateStore) -> Path | None:
        """A folder with the newest checkpoint that can be used; None: there is none newer than the local state.

        Raises:
            TransientError: the place of the checkpoints does not answer, and the local state is empty or behind.
        """
        own = progress_of(local)
        names = self._names(unit, own)
        newer = [name for name in names if name.progress > own]
        for name in newer:
            fetched = self._fetch_if_usable(unit, name, resets=newer[0].progress.resets + (name != newer[0]))
            if fetched is not None:
                return fetched
            if self._names(unit, own) != names:
                raise TransientError(f"{_text(unit)}: its checkpoints changed while they were fetched")
        if newer:  # what comes now shall count more than what nobody can use
            set_resets(local, newer[0].progress.resets + 1)
        return None

    def _names(self, unit: UnitKey, own: Progress) -> list[CheckpointName]:
        try:
            return self._checkpoints.names(unit)
        except ArtifactError as error:
            if own == NO_PROGRESS:
                raise TransientError(f"whether {_text(unit)} has a checkpoint is not known: {error}") from error
            self._report(unit, f"the state on this disk is used: {error}")
            return []

    def _fetch_if_usable(self, unit: UnitKey, name: CheckpointName, resets: int) -> Path | None:
        folder, local = self._new_folder(unit, "fetched"), self._stores.folder(unit)
        try:
            self._checkpoints.fetch(unit, name, folder, local)
            self._check(folder, name, resets)
        except (MissingArtifact, CorruptArtifact, CorruptState) as error:
            self._report(unit, f"its checkpoint {name} cannot be used: {error}")
            self._count("unusable")
            return None
        except (ArtifactError, OSError) as error:
            raise TransientError(f"the checkpoint of {_text(unit)} cannot be fetched: {error}") from error
        log.info("checkpoint of %s fetched: %s", _text(unit), name)
        return folder

    def _check(self, folder: Path, name: CheckpointName, resets: int) -> None:
        """See whether a checkpoint opens and is what its name says, and note how often the state was set back."""
        with closing(self._stores.open_folder(folder)) as store:
            progress = progress_of(store)
            if progress < name.progress:
                raise CorruptState(f"it stands at {progress}")
            if progress.resets < resets:
                set_resets(store, resets)

    def _new_folder(self, unit: UnitKey, purpose: str) -> Path:
        """Where a folder beside the unit's state may be made; what an earlier process left there is gone."""
        folder = Path(f"{self._stores.folder(unit)}.{purpose}")
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _report(self, unit: UnitKey, problem: str) -> None:
        self.problems[_text(unit)] = problem
        log.warning("%s: %s", _text(unit), problem)


def _take_notice(preparation: asyncio.Future[None]) -> None:
    if not preparation.cancelled() and (error := preparation.exception()) is not None:
        log.info("%s", error)


def _text(unit: UnitKey) -> str:
    group, stream, partition = unit
    return f"{group}/{stream or 'control'}/{partition}"
