"""A model in a child process, which is started anew after it has failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from penstock.contracts.batch import RawRecord
from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.features.frame import Frame
from penstock.server.learning.outcome_follower import Learner
from penstock.server.models.arm import Answers
from penstock.server.models.child_messages import Answered, CopiedRecord, Learnt, Opened, answers_of
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_process import ModelProcess, ModelProcessFailed

Reopen = Callable[[], Awaitable[tuple[ModelProcess, Opened]]]

log = logging.getLogger("penstock.server")


class ModelReopening(Exception):
    """The model is being opened anew after a failure that was reported, or answers no more: no failure of its own."""


class ChildModel:
    """A challenger; a call takes at most `limit` seconds. `reopen` starts another child with the same model.

    A failure while it learns or is opened anew is reported by the next call of `answer`, so that each counts once.
    """

    def __init__(self, process: ModelProcess, opened: Opened, reopen: Reopen, limit: float) -> None:
        self.family = opened.family
        self.classes = opened.classes
        self._reopen = reopen
        self._limit = limit
        self._failure: Exception | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._take(process, opened)

    @property
    def learner(self) -> Learner | None:
        """What learns in the child; none while there is no child."""
        return None if self._process.has_ended else self._learner

    @property
    def is_reopening(self) -> bool:
        """Whether it cannot be asked for now, since it has failed."""
        return self._reopening is not None

    async def answer(self, frame: Frame, entities: Sequence[str | None]) -> Answers:
        """Answer n rows.

        Raises:
            ModelProcessFailed: it failed, now or since the last call.
            ModelReopening: it cannot be asked for now.
        """
        failure, self._failure = self._failure, None
        try:
            if failure is not None:
                raise failure
            self._expect_process()
            message = await self._process.call("answer", self._limit, _plain(frame), list(entities))
            if not isinstance(message, Answered):
                raise ModelProcessFailed("its process answered out of turn")
            return answers_of(message, len(frame), self.classes)
        finally:
            self._reopen_if_ended()

    def close(self) -> None:
        """Answer no more, and end the child once its call is finished."""
        if self._closing is None:
            if self._reopening is not None:
                self._reopening.cancel()
            self._closing = asyncio.ensure_future(self._process.close())

    def failed_to_learn(self, error: Exception) -> None:
        """Have the next call of `answer` report it."""
        self._failure = error
        self._process.kill()

    def _expect_process(self) -> None:
        if self._closing is not None:
            raise ModelReopening("it answers no more")
        if self.is_reopening:
            raise ModelReopening("it is being opened anew")
        if self._process.has_ended:
            raise ModelProcessFailed("its process has ended")

    def _reopen_if_ended(self) -> None:
        if self._process.has_ended and self._reopening is None and self._closing is None:
            self._reopening = asyncio.ensure_future(self._open_anew())

    async def _open_anew(self) -> None:
        try:
            await self._process.close()
            self._take(*await self._reopen())
        except (ModelProcessFailed, RefusedModel, OSError) as error:
            log.warning("a challenger could not be opened anew: %s", error)
            self._failure = error
        finally:
            self._reopening = None

    def _take(self, process: ModelProcess, opened: Opened) -> None:
        self._process = process
        self._learner = None if opened.learnt_to is None else ChildLearner(self, process, opened.learnt_to, self._limit)


class ChildLearner:
    """What a model learns in one child process; a failure ends that process."""

    def __init__(self, model: ChildModel, process: ModelProcess, learnt_to: int, limit: float) -> None:
        self.learnt_to = learnt_to
        self._model = model
        self._process = process
        self._limit = limit

    async def teach(self, declared: StreamDeclared, records: Sequence[RawRecord]) -> float:
        """Learn the next outcomes; the seconds of CPU that it took."""
        if self._process.has_ended:
            return 0.0
        try:
            message = await self._process.call("learn", self._limit, declared, _copies(records))
            if not isinstance(message, Learnt):
                raise ModelProcessFailed("its process answered out of turn")
        except ModelProcessFailed as error:
            self._model.failed_to_learn(error)
            return 0.0
        self.learnt_to = message.learnt_to
        return message.seconds


def _plain(frame: Frame) -> Frame:
    """The frame without what cannot be pickled."""
    return Frame(frame.columns, frame.times)


def _copies(records: Sequence[RawRecord]) -> list[CopiedRecord]:
    return [CopiedRecord(record.offset, record.timestamp, record.key, record.value) for record in records]
