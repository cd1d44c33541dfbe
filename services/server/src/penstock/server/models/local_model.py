"""A model in this process, together with what it learns from outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.frame import Frame
from penstock.ml.models.baseline import BASELINE
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.server.learning.outcome_state import OutcomeState, new_outcome_state
from penstock.server.models.arm import Answers
from penstock.server.models.own_thread import start_in_thread

LARGE_BATCH = 1000  # rows beyond which a slow model would keep the event loop from its heartbeats


class LocalModel:
    """A model that answers in this process; `digest` is its package's, as its predictions carry it."""

    def __init__(self, model: Model | Blend, declaration: Declaration, digest: str) -> None:
        self.model = model
        self.family = model.family
        self.classes = model.classes
        self.learner: OutcomeState | None = new_outcome_state(model, declaration, digest)
        self._is_slow = isinstance(model, Blend) or (model.fused != "linear" and model.family != BASELINE)

    async def answer(self, frame: Frame, entities: Sequence[str | None]) -> Answers:
        """Answer n rows, many of them by a slow model in a thread.

        What the model learns waits for that thread to end, whoever waits for the answer.
        """
        state = self.learner
        if state is not None:
            await state.lock.acquire()
        if not (self._is_slow and len(frame) > LARGE_BATCH):
            try:
                return self.answer_now(frame, entities)
            finally:
                if state is not None:
                    state.lock.release()
        answers = start_in_thread(self.answer_now, frame, entities)
        if state is not None:
            lock = state.lock
            answers.add_done_callback(lambda _: lock.release())
        return await asyncio.shield(answers)

    def answer_now(self, frame: Frame, entities: Sequence[str | None]) -> Answers:
        """Answer n rows in this thread; the caller holds the learner's lock, or is the only one to use the model."""
        state = self.learner
        if state is None:
            return Answers(self.model.predict(frame))
        frame, lag_features = state.add_lag_features(frame, entities)
        output = self.model.predict(frame)
        return Answers(output, state.learnt_to, state.details(lag_features, output))

    def close(self) -> None:
        """Nothing is to be ended: the model goes with the last reference to it."""
