"""Which arms answer a batch, and what their models say: traffic split, fallback to the champion, and shadows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.codecs.prediction_encoder import PredictionDetails
from penstock.contracts.records.predictions import ShadowAnswer
from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.features.frame import Frame
from penstock.ml.models.baseline import BASELINE
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend
from penstock.server.models.arm import Arm
from penstock.server.models.circuit_breaker import CHALLENGER_TIMEOUT, CircuitBreaker
from penstock.server.models.manager import ModelManager, NoModel
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.model_inputs import ModelInputs
from penstock.server.scoring.traffic_split import CHAMPION, draw_arms

LARGE_BATCH = 1000  # rows beyond which a slow model would keep the event loop from its heartbeats


@dataclass(frozen=True, slots=True)
class ArmOutput:
    """The output of one arm for the `rows` of a batch, all of them if None.

    `learnt_to` is the offset that the arm had learnt outcomes to. `details` is what the predictions carry for those who
    learn from them or compare them.
    """

    arm: Arm
    output: ModelOutput
    learnt_to: int | None = None
    details: PredictionDetails | None = None
    rows: NDArray[np.intp] | None = None
    is_challenger: bool = False
    is_fallback: bool = False


async def arm_outputs(
    models: ModelManager, declared: StreamDeclared, inputs: ModelInputs
) -> tuple[ServingModels, list[ArmOutput]]:
    """The outputs for a batch, one for each row, and the models that were in service.

    A champion whose outputs cannot be used is refused, and the one that takes over answers the batch.

    Raises:
        NoModel: no model serves the stream.
    """
    while True:
        serving = models.serving(declared.name)
        if serving is None:
            raise NoModel(f"no model serves {declared.name} yet")
        try:
            return serving, await _outputs_of_all(models, serving, inputs)
        except Exception as error:  # a model may fail in any way
            await models.champion_failed(declared, serving, error)


async def shadow_answers(models: ModelManager, serving: ServingModels, inputs: ModelInputs) -> list[list[ShadowAnswer]]:
    """What each challenger would have answered to each of n rows; the value is None where it failed."""
    columns = []
    for breaker in serving.breakers:
        if breaker.arm is not None:
            challenger = await _challenger_output(models, serving, breaker, inputs)
            values: Sequence[str | float | None] = [None] * len(inputs.entities)
            if challenger is not None:
                values = challenger.output.values
            columns.append([ShadowAnswer(breaker.arm.version.version, value) for value in values])
    return [list(row) for row in zip(*columns, strict=True)] or [[] for _ in inputs.entities]


async def _outputs_of_all(models: ModelManager, serving: ServingModels, inputs: ModelInputs) -> list[ArmOutput]:
    rollout = serving.rollout
    if rollout is None:
        return [await _output_of(serving.champion, inputs)]
    if rollout.mode == "shadow":
        shadows = await shadow_answers(models, serving, inputs)
        champion = await _output_of(serving.champion, inputs)
        return [replace(champion, details=replace(champion.details or PredictionDetails(), shadow=shadows))]
    return await _split_outputs(models, serving, draw_arms(rollout, inputs.split_keys), inputs)


async def _split_outputs(
    models: ModelManager, serving: ServingModels, drawn_arms: NDArray[np.intp], inputs: ModelInputs
) -> list[ArmOutput]:
    outputs: list[ArmOutput] = []
    fallback_rows = [np.empty(0, np.intp)]
    for index, breaker in enumerate(serving.breakers, start=1):
        rows = np.flatnonzero(drawn_arms == index)
        if not len(rows):
            continue
        challenger = await _challenger_output(models, serving, breaker, inputs.take(rows))
        if challenger is None:
            fallback_rows.append(rows)
        else:
            outputs.append(replace(challenger, rows=rows, is_challenger=True))
    for is_fallback, rows in ((False, np.flatnonzero(drawn_arms == CHAMPION)), (True, np.concatenate(fallback_rows))):
        if len(rows):
            champion = await _output_of(serving.champion, inputs.take(rows))
            outputs.append(replace(champion, rows=rows, is_fallback=is_fallback))
    return outputs


async def _challenger_output(
    models: ModelManager, serving: ServingModels, breaker: CircuitBreaker, inputs: ModelInputs
) -> ArmOutput | None:
    """A challenger's output; None when its breaker is open, or when it fails or takes too long, which is counted."""
    arm = breaker.usable_arm
    if arm is None:
        return None
    try:
        async with asyncio.timeout(CHALLENGER_TIMEOUT):
            return await _output_of(arm, inputs, in_thread=True)
    except Exception as error:  # a model may fail in any way
        models.challenger_failed(serving, breaker, error)
        return None


async def _output_of(arm: Arm, inputs: ModelInputs, *, in_thread: bool = False) -> ArmOutput:
    state = arm.outcome_state
    if state is None:
        return ArmOutput(arm, await _predict(arm.model, inputs.frame, in_thread))
    async with state.lock:
        frame, lag_features = state.add_lag_features(inputs.frame, inputs.entities)
        output = await _predict(arm.model, frame, in_thread)
        return ArmOutput(arm, output, state.learnt_to, state.details(lag_features, output))


async def _predict(model: Model | Blend, frame: Frame, in_thread: bool) -> ModelOutput:
    is_slow = isinstance(model, Blend) or (model.fused != "linear" and model.family != BASELINE)
    if in_thread or (is_slow and len(frame) > LARGE_BATCH):
        return await asyncio.to_thread(model.predict, frame)
    return model.predict(frame)
