"""Loads arms: champions into this process, once a child has tried them, and challengers into children of their own."""

from __future__ import annotations

import asyncio
from collections import Counter

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.ml.package.estimator_bytes import import_learners
from penstock.server.models.arm import Arm
from penstock.server.models.local_model import LocalModel
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_loader import ModelLoader, StoreUnavailable
from penstock.server.models.model_process import ModelProcessFailed
from penstock.server.models.model_processes import ModelProcesses
from penstock.server.models.own_thread import start_in_thread

TRIES = 3  # of a model that ends its process or exceeds a limit, before it is refused for good
FETCH_LIMIT = 60.0  # seconds that the store may take


class ArmLoader:
    """Loads arms. Without `processes` all models are opened in this process, as where nothing else may be started."""

    def __init__(self, loader: ModelLoader, processes: ModelProcesses | None = None) -> None:
        self._loader = loader
        self._processes = processes
        self._fetches: dict[str, asyncio.Future[bytes]] = {}
        self._failed_tries: Counter[str] = Counter()
        self._imports: asyncio.Future[None] | None = None

    async def champion(self, record: ModelEpoch, declaration: Declaration) -> Arm:
        """The champion of an epoch, of which a local copy is saved.

        Raises:
            RefusedModel: it must not serve.
            StoreUnavailable: it cannot be fetched for now.
        """
        artifact = await self._fetch(record, record.champion)
        return await self._open_here(record, record.champion, artifact, declaration)

    async def challenger(self, record: ModelEpoch, version: ModelVersion, declaration: Declaration) -> Arm:
        """A challenger of an epoch.

        Raises:
            RefusedModel, StoreUnavailable: see `champion`.
        """
        artifact = await self._fetch(record, version)
        if self._processes is None:
            return await self._open_here(record, version, artifact, declaration)
        try:
            return Arm(version, await self._processes.open(artifact, declaration))
        except ModelProcessFailed as error:
            raise RefusedModel(str(error)) from error

    async def local_copy(self, stream: str, declaration: Declaration, below: int) -> tuple[ModelEpoch, Arm] | None:
        """Epoch and champion of the stream's local copy; None when there is none below that epoch, or it is refused."""
        copy = await start_in_thread(self._loader.read_copy, stream)
        if copy is None or copy[0].epoch >= below:
            return None
        record, artifact = copy
        try:
            return record, await self._open_here(record, record.champion, artifact, declaration)
        except RefusedModel:
            return None

    async def save_copy(self, record: ModelEpoch) -> None:
        """Save a local copy of a champion that serves already."""
        await start_in_thread(self._loader.save_copy, record)

    async def close(self) -> None:
        """End the child that is kept warm."""
        if self._processes is not None:
            await self._processes.close()

    async def _fetch(self, record: ModelEpoch, version: ModelVersion) -> bytes:
        """The artifact; a store that hangs is asked once, however often it is waited for."""
        fetch = self._fetches.get(version.digest)
        if fetch is None or fetch.done():
            fetch = self._fetches[version.digest] = start_in_thread(self._loader.fetch, record.stream, version)
        try:
            async with asyncio.timeout(FETCH_LIMIT):
                return await asyncio.shield(fetch)
        except TimeoutError:
            raise StoreUnavailable(f"the store did not answer within {FETCH_LIMIT:g} s") from None
        finally:
            if fetch.done():
                self._fetches.pop(version.digest, None)

    async def _open_here(
        self, record: ModelEpoch, version: ModelVersion, artifact: bytes, declaration: Declaration
    ) -> Arm:
        await self._check(version, artifact, declaration)
        model = await start_in_thread(self._loader.open, record, version, artifact, declaration)
        if self._processes is not None:
            self._imports = self._imports or start_in_thread(import_learners)
        return Arm(version, LocalModel(model, declaration, version.digest))

    async def _check(self, version: ModelVersion, artifact: bytes, declaration: Declaration) -> None:
        """Try it in a child. What ends or exceeds its limits may be the fault of this machine: it is tried again."""
        if self._processes is None:
            return
        try:
            await self._processes.check(artifact, declaration)
        except ModelProcessFailed as error:
            self._failed_tries[version.digest] += 1
            raise RefusedModel(str(error), temporary=self._failed_tries[version.digest] < TRIES) from error
        self._failed_tries.pop(version.digest, None)
