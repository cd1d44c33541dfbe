"""From a batch of checked events to predictions: the part that both routes, stream and HTTP, have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import UNSET

from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import Attribution, ShadowAnswer
from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.models.baseline import BASELINE
from penstock.server.models.manager import ModelManager
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.arm_outputs import ArmOutput, arm_outputs, shadow_answers
from penstock.server.scoring.model_inputs import ModelInputs
from penstock.server.scoring.prediction_batch import PredictionBatch


@dataclass(frozen=True)
class BatchPredictor:
    """Predicts batches of events with the models that serve; `code` is the version of this package."""

    models: ModelManager
    route: Literal["stream", "http"]
    code: str

    async def predict(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> list[PredictionBatch]:
        """Predict n events, each once, under one epoch: a batch for each arm that answered some of them.

        Raises:
            NoModel: no model serves the stream.
        """
        inputs = ModelInputs.of(declared.declaration, events)
        serving, outputs = await arm_outputs(self.models, declared, inputs)
        return [self._batch(declared, serving, inputs, output) for output in outputs]

    async def shadow_answers(
        self, declared: StreamDeclared, events: Sequence[Event[Any]]
    ) -> list[list[ShadowAnswer]] | None:
        """What shadows would have answered to n events that were predicted already; None when there are no shadows."""
        serving = self.models.serving(declared.name)
        if serving is None or serving.rollout is None or serving.rollout.mode != "shadow":
            return None
        return await shadow_answers(self.models, serving, ModelInputs.of(declared.declaration, events))

    def _batch(
        self, declared: StreamDeclared, serving: ServingModels, inputs: ModelInputs, answer: ArmOutput
    ) -> PredictionBatch:
        version, output, rows = answer.arm.version, answer.output, answer.rows
        attribution = Attribution(
            model=version.name,
            version=version.version,
            digest=version.digest,
            epoch=serving.epoch,
            schema=declared.version,
            code=self.code,
            arm="challenger" if answer.is_challenger else "champion",
            route=self.route,
            mode=declared.declaration.serving.http if self.route == "http" else "durable",
            baseline=answer.arm.model.family == BASELINE,
            learnt_to=UNSET if answer.learnt_to is None else answer.learnt_to,
            fallback=answer.is_fallback or UNSET,
        )
        probabilities = None if output.probabilities is None else output.probabilities.tolist()
        entities = inputs.entities if rows is None else [inputs.entities[row] for row in rows]
        return PredictionBatch(answer.arm, attribution, output.values, entities, probabilities, answer.details, rows)
