"""What the models of a rollout that do not answer an event would answer: arms are compared on the same events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.records.models import RolloutStep
from penstock.contracts.records.predictions import ShadowAnswer
from penstock.server.models.arm import Answers, Arm
from penstock.server.models.manager import ModelManager
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.arm_outputs import challenger_answers
from penstock.server.scoring.model_inputs import ModelInputs
from penstock.server.scoring.traffic_split import CHAMPION

PAIRED_ROWS = 500  # events of a batch; the unit of a larger one is behind, and the answers come first

UNKNOWN_ARM = -1

Rows = NDArray[np.intp]


async def shadow_answers(
    models: ModelManager, serving: ServingModels, inputs: ModelInputs, answered: Rows, with_probabilities: bool
) -> list[list[ShadowAnswer]]:
    """For each of n rows what the arms would answer that do not; the value is None where one failed.

    Empty where they are not asked: of a bandit, and where a batch is larger than `PAIRED_ROWS`, but for a shadow.

    Args:
        models: counts what challengers fail at.
        serving: champion and challengers.
        inputs: the n rows.
        answered: the number of the arm that answers each row, shape (n,): 0 is the champion.
        with_probabilities: whether shadows state the probabilities of classes.
    """
    shadows: list[list[ShadowAnswer]] = [[] for _ in inputs.entities]
    if serving.rollout is None or not _are_asked(serving.rollout, len(shadows)):
        return shadows
    arms = [(CHAMPION, serving.champion), *((k, b.arm) for k, b in enumerate(serving.breakers, 1) if b.arm is not None)]
    asked = [(number, arm, rows) for number, arm in arms if len(rows := np.flatnonzero(answered != number))]
    answers = await asyncio.gather(*(_answers(models, serving, number, inputs, rows) for number, _, rows in asked))
    for (_, arm, rows), answer in zip(asked, answers, strict=True):
        for row, shadow in zip(rows.tolist(), _column(arm, len(rows), answer, with_probabilities), strict=True):
            shadows[row].append(shadow)
    return shadows


def answered_by(serving: ServingModels, versions: Sequence[int]) -> Rows:
    """The number of the arm with each of these versions; `UNKNOWN_ARM` for one that is no arm."""
    numbers = {b.arm.version.version: k for k, b in enumerate(serving.breakers, 1) if b.arm is not None}
    numbers[serving.champion.version.version] = CHAMPION
    return np.array([numbers.get(version, UNKNOWN_ARM) for version in versions], dtype=np.intp)


def _are_asked(rollout: RolloutStep, rows: int) -> bool:
    return rollout.mode == "shadow" or (rollout.mode != "bandit" and rows <= PAIRED_ROWS)


async def _answers(
    models: ModelManager, serving: ServingModels, number: int, inputs: ModelInputs, rows: Rows
) -> Answers | None:
    """What an arm would answer to some rows; None if it fails, which is no failure of a champion that answers none."""
    chosen = inputs if len(rows) == len(inputs.entities) else inputs.take(rows)
    if number != CHAMPION:
        return await challenger_answers(models, serving, serving.breakers[number - 1], chosen)
    try:
        return await serving.champion.model.answer(chosen.frame, chosen.entities)
    except Exception:  # a model may fail in any way
        return None


def _column(arm: Arm, rows: int, answers: Answers | None, with_probabilities: bool) -> list[ShadowAnswer]:
    version = arm.version.version
    if answers is None:
        return [ShadowAnswer(version, None)] * rows
    output = answers.output
    values: Sequence[str | float] = output.values
    if not with_probabilities or output.probabilities is None:
        return [ShadowAnswer(version, value) for value in values]
    probabilities = output.probabilities.tolist()
    return [ShadowAnswer(version, value, row) for value, row in zip(values, probabilities, strict=True)]
