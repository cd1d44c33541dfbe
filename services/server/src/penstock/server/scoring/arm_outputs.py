"""Which arms answer a batch, and what their models say: traffic split, and fallback to the champion."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.records.streams import StreamDeclared
from penstock.server.models.arm import Answers, Arm
from penstock.server.models.child_model import ModelReopening
from penstock.server.models.circuit_breaker import CHALLENGER_TIMEOUT, CircuitBreaker
from penstock.server.models.manager import ModelManager
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.champion_answers import champion_answers
from penstock.server.scoring.model_inputs import ModelInputs
from penstock.server.scoring.traffic_split import CHAMPION, draw_arms

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ArmOutput:
    """The answers of one arm for the `rows` of a batch, all of them if None."""

    arm: Arm
    answers: Answers
    rows: Rows | None = None
    is_challenger: bool = False
    is_fallback: bool = False


async def arm_outputs(
    models: ModelManager, declared: StreamDeclared, serving: ServingModels, inputs: ModelInputs
) -> list[ArmOutput]:
    """The outputs for a batch, one for each row.

    Rows that the champion fails at are answered by the one that would take over.

    Raises:
        NoModel: there is none to take over.
    """
    rollout = serving.rollout
    if rollout is None or rollout.mode == "shadow":
        return await _champion_outputs(models, declared, serving, inputs)
    return await _split_outputs(models, declared, serving, drawn_arms(serving, inputs), inputs)


def drawn_arms(serving: ServingModels, inputs: ModelInputs) -> Rows:
    """The number of the arm that each of n rows is drawn to: 0 is the champion, k the k-th challenger."""
    if serving.rollout is None or serving.rollout.mode == "shadow":
        return np.full(len(inputs.entities), CHAMPION)
    return draw_arms(serving.rollout, inputs.split_keys())


async def _split_outputs(
    models: ModelManager, declared: StreamDeclared, serving: ServingModels, drawn: Rows, inputs: ModelInputs
) -> list[ArmOutput]:
    outputs: list[ArmOutput] = []
    fallback_rows = [np.empty(0, np.intp)]
    for index, breaker in enumerate(serving.breakers, start=1):
        rows = np.flatnonzero(drawn == index)
        if not len(rows):
            continue
        challenger = await challenger_answers(models, serving, breaker, inputs.take(rows))
        if challenger is None or breaker.arm is None:
            fallback_rows.append(rows)
        else:
            outputs.append(ArmOutput(breaker.arm, challenger, rows, is_challenger=True))
    for is_fallback, rows in ((False, np.flatnonzero(drawn == CHAMPION)), (True, np.concatenate(fallback_rows))):
        if len(rows):
            outputs += await _champion_outputs(models, declared, serving, inputs, rows, is_fallback)
    return outputs


async def challenger_answers(
    models: ModelManager, serving: ServingModels, breaker: CircuitBreaker, inputs: ModelInputs
) -> Answers | None:
    """A challenger's answers; None when it cannot be asked, or when it fails or takes too long, which is counted.

    What fails together with a call before it, for which it waited, counts once.
    """
    arm, failures_before = breaker.usable_arm, breaker.failures
    if arm is None:
        return None
    try:
        async with asyncio.timeout(CHALLENGER_TIMEOUT):
            return await arm.model.answer(inputs.frame, inputs.entities)
    except ModelReopening:
        return None
    except Exception as error:  # a model may fail in any way
        if breaker.failures == failures_before:
            models.challenger_failed(serving, breaker, error)
        return None


async def _champion_outputs(
    models: ModelManager,
    declared: StreamDeclared,
    serving: ServingModels,
    inputs: ModelInputs,
    rows: Rows | None = None,
    is_fallback: bool = False,
) -> list[ArmOutput]:
    """The champion's output for the rows of a batch, and that of its substitute for those that it fails at."""
    champion = serving.champion
    chosen = inputs if rows is None else inputs.take(rows)
    parts, odd = await champion_answers(champion, chosen)
    outputs = [ArmOutput(champion, part, _take(rows, within), is_fallback=is_fallback) for within, part in parts]
    if odd is not None:
        substitute = await models.champion_failed(declared, serving, odd.error, odd.texts(chosen))
        failed = chosen.take(odd.rows)
        answers = await substitute.model.answer(failed.frame, failed.entities)
        outputs.append(ArmOutput(substitute, answers, _take(rows, odd.rows), is_fallback=True))
    return outputs


def _take(rows: Rows | None, within: Rows | None) -> Rows | None:
    """Those of the rows at the indices `within`; None are all."""
    return within if rows is None else rows if within is None else rows[within]
