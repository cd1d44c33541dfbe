"""The child processes of models: one tries champions before they are loaded here, and each challenger has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from penstock.artifacts import digest_of
from penstock.contracts.declaration.stream import Declaration
from penstock.server.models.child_messages import Opened, Refused
from penstock.server.models.child_model import ChildModel
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_process import CHILD, ModelProcess, ModelProcessFailed, ProcessLimits

AT_ONCE = 2  # models opened at the same time


class ModelProcesses:
    """Opens models in children, a few at a time; a child that has tried a champion is kept warm for the next model."""

    def __init__(self, limits: ProcessLimits | None = None, command: Sequence[str] = CHILD) -> None:
        self._limits = limits or ProcessLimits()
        self._command = command
        self._opening = asyncio.Semaphore(AT_ONCE)
        self._spare: ModelProcess | None = None
        self._warm_up: asyncio.Future[None] | None = None

    async def check(self, artifact: bytes, declaration: Declaration) -> None:
        """Try whether a model can be opened and may serve.

        Raises:
            RefusedModel: it must not serve.
            ModelProcessFailed: it ended its process, or exceeded a limit.
        """
        process, _ = await self._open(artifact, declaration)
        if self._spare is None:
            self._spare = process
            self._warm_up = asyncio.ensure_future(self._import_learners(process))
        else:
            await process.close()

    async def open(self, artifact: bytes, declaration: Declaration) -> ChildModel:
        """A model in a child of its own, which is opened anew after it has failed.

        Raises:
            RefusedModel, ModelProcessFailed: see `check`.
        """

        async def reopen() -> tuple[ModelProcess, Opened]:
            return await self._open(artifact, declaration)

        return ChildModel(*await reopen(), reopen, self._limits.call)

    async def close(self) -> None:
        """End the child that is kept warm."""
        spare, self._spare = self._spare, None
        if spare is not None:
            await spare.close()

    async def _import_learners(self, process: ModelProcess) -> None:
        """Import ahead what the next model may need: the first of a stream is a baseline, which needs nothing."""
        with suppress(ModelProcessFailed):
            await process.call("import", self._limits.opening)

    async def _open(self, artifact: bytes, declaration: Declaration) -> tuple[ModelProcess, Opened]:
        async with self._opening:
            spare, self._spare = self._spare, None
            process = spare
            if process is None or process.has_ended:
                process = await ModelProcess.start(self._limits, self._command)
            try:
                message = await process.call("open", self._limits.opening, artifact, declaration, digest_of(artifact))
            except ModelProcessFailed:
                await process.close()
                raise
        match message:
            case Opened():
                return process, message
            case Refused(reason):
                self._spare = self._spare or process
                raise RefusedModel(reason)
            case _:
                await process.close()
                raise ModelProcessFailed("its process answered out of turn")
