"""The answers to a batch: of the champion, of the challengers for their shares, of shadows for the record alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.records.predictions import PredictionDetails, ShadowAnswer
from penstock.ml.features.frame import Frame
from penstock.ml.models.baseline import BASELINE
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend
from penstock.server.models.circuit_breaker import PATIENCE, Arm, Challenged
from penstock.server.models.epochs import Serving
from penstock.server.scoring.traffic_split import CHAMPION, drawn

LARGE = 1000  # rows beyond which a slow model would keep the event loop from its heartbeats

Failed = Callable[[Challenged, BaseException], None]
"""Hears of a challenger that did not answer a batch."""


@dataclass(frozen=True, slots=True)
class Asked:
    """n rows, the entity of each, and what decides who answers it: its entity, else its event's id."""

    frame: Frame
    entities: Sequence[str | None]
    keys: Sequence[str]

    def take(self, rows: NDArray[np.intp]) -> Asked:
        """The chosen rows."""
        return Asked(self.frame.take(rows), [self.entities[row] for row in rows], [self.keys[row] for row in rows])


@dataclass(frozen=True, slots=True)
class Said:
    """What `arm` answered to the `rows` of a batch, all of them if None.

    `learnt_to` is how far it had learnt, `evidence` what the predictions carry for those who learn from them.
    """

    arm: Arm
    answers: ModelOutput
    learnt_to: int | None = None
    evidence: PredictionDetails | None = None
    rows: NDArray[np.intp] | None = None
    challenger: bool = False
    fallback: bool = False


async def speak(serving: Serving, asked: Asked, failed: Failed) -> list[Said]:
    """The answers to a batch, each row answered once; what a challenger fails to answer the champion does.

    Raises whatever the champion does when it cannot answer.
    """
    trial = serving.record.rollout
    if trial is None:
        return [await said_by(serving.champion, asked)]
    if trial.mode == "shadow":
        shadows = await shadow_answers(serving, asked, failed)
        return [_shown(await said_by(serving.champion, asked), shadows)]
    return await _by_arms(serving, asked, drawn(trial, asked.keys), failed)


async def said_by(arm: Arm, asked: Asked, *, aside: bool = False) -> Said:
    """The answers of one model to all rows; `aside`: in a thread, however quick it is."""
    fold = arm.fold
    if fold is None:
        return Said(arm, await _predicted(arm.model, asked.frame, aside))
    async with fold.in_use:
        frame, known = fold.asked(asked.frame, asked.entities)
        answers = await _predicted(arm.model, frame, aside)
        return Said(arm, answers, fold.learnt_to, fold.evidence(known, answers))


async def shadow_answers(serving: Serving, asked: Asked, failed: Failed) -> list[list[ShadowAnswer]]:
    """What each shadow would have answered to each of n rows; None for one that could not."""
    columns = []
    for challenged in serving.challengers:
        if challenged.arm is not None:
            said = await _tried(challenged, asked, failed) if challenged.answers else None
            values: Sequence[str | float | None] = [None] * len(asked.keys) if said is None else said.answers.values
            columns.append([ShadowAnswer(challenged.arm.version.version, value) for value in values])
    return [list(row) for row in zip(*columns, strict=True)] or [[] for _ in asked.keys]


async def _by_arms(serving: Serving, asked: Asked, places: NDArray[np.intp], failed: Failed) -> list[Said]:
    said, champions = [], [np.flatnonzero(places == CHAMPION)]
    for place, challenged in enumerate(serving.challengers, start=1):
        rows = np.flatnonzero(places == place)
        found = await _tried(challenged, asked.take(rows), failed) if len(rows) and challenged.answers else None
        if found is None:
            champions.append(rows)
        else:
            said.append(replace(found, rows=rows, challenger=True))
    for fallback, rows in enumerate((champions[0], np.concatenate([np.empty(0, np.intp), *champions[1:]]))):
        if len(rows):
            said.append(replace(await said_by(serving.champion, asked.take(rows)), rows=rows, fallback=bool(fallback)))
    return said


async def _tried(challenged: Challenged, asked: Asked, failed: Failed) -> Said | None:
    """A challenger's answers, None when it fails or takes too long: it answers in a thread, and is not waited for."""
    assert challenged.arm is not None
    try:
        return await asyncio.wait_for(said_by(challenged.arm, asked, aside=True), PATIENCE)
    except Exception as error:  # a model may fail in any way
        failed(challenged, error)
        return None


def _shown(said: Said, shadows: list[list[ShadowAnswer]]) -> Said:
    return replace(said, evidence=replace(said.evidence or PredictionDetails(), shadow=shadows))


async def _predicted(model: Model | Blend, frame: Frame, aside: bool) -> ModelOutput:
    is_slow = isinstance(model, Blend) or (model.fused != "linear" and model.family != BASELINE)
    if aside or (is_slow and len(frame) > LARGE):
        return await asyncio.to_thread(model.predict, frame)
    return model.predict(frame)
