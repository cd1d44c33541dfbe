"""From a batch of checked events to predictions: the part that both routes, stream and HTTP, have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from msgspec import UNSET

from penstock.contracts.codecs.prediction_encoder import PredictionDetails
from penstock.contracts.declaration.model_lifecycle import METRICS_OF_PROBABILITIES
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import Attribution, ShadowAnswer
from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.models.baseline import BASELINE
from penstock.server.models.manager import ModelManager, NoModel
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.arm_outputs import ArmOutput, Rows, arm_outputs, drawn_arms
from penstock.server.scoring.model_inputs import ModelInputs
from penstock.server.scoring.prediction_batch import PredictionBatch
from penstock.server.scoring.shadow_answers import answered_by, shadow_answers

CountPredictions = Callable[[str, int, str, int], None]


@dataclass(frozen=True)
class BatchPredictor:
    """Predicts batches of events with the models that serve; `code` is the version of this package.

    `count` is called with the stream, model version, route and number of the predictions of each arm.
    """

    models: ModelManager
    route: Literal["stream", "http"]
    code: str
    count: CountPredictions

    def serving(self, declared: StreamDeclared) -> ServingModels:
        """The models that serve a stream now.

        Raises:
            NoModel: there are none.
        """
        serving = self.models.serving(declared.name)
        if serving is None:
            raise NoModel(f"no model serves {declared.name} yet")
        return serving

    async def predict(
        self, declared: StreamDeclared, serving: ServingModels, events: Sequence[Event[Any]]
    ) -> list[PredictionBatch]:
        """Predict n events, each once, under the epoch of `serving`: a batch for each arm that answered some of them.

        Of a rollout the arms that do not answer are asked, too: on the stream route only, where HTTP's answers come by,
        so that no client waits for them.

        Raises:
            NoModel: the champion fails, and none can take over.
        """
        inputs = ModelInputs.of(declared.declaration, events)
        if self.route == "http" or serving.rollout is None:
            outputs = await arm_outputs(self.models, declared, serving, inputs)
            return [self._batch(declared, serving, inputs, output) for output in outputs]
        shadows, outputs = await asyncio.gather(
            self._shadows(declared, serving, inputs, drawn_arms(serving, inputs)),
            arm_outputs(self.models, declared, serving, inputs),
        )
        return [self._batch(declared, serving, inputs, output, shadows) for output in outputs]

    async def shadow_answers(
        self, declared: StreamDeclared, events: Sequence[Event[Any]], versions: Sequence[int]
    ) -> list[list[ShadowAnswer]] | None:
        """What others than the versions that predicted n events would have; None outside of a rollout."""
        serving = self.models.serving(declared.name)
        if serving is None or serving.rollout is None:
            return None
        inputs = ModelInputs.of(declared.declaration, events)
        return await self._shadows(declared, serving, inputs, answered_by(serving, versions))

    async def _shadows(
        self, declared: StreamDeclared, serving: ServingModels, inputs: ModelInputs, answered: Rows
    ) -> list[list[ShadowAnswer]]:
        with_probabilities = declared.declaration.metric in METRICS_OF_PROBABILITIES
        return await shadow_answers(self.models, serving, inputs, answered, with_probabilities)

    def _batch(
        self,
        declared: StreamDeclared,
        serving: ServingModels,
        inputs: ModelInputs,
        arm_output: ArmOutput,
        shadows: Sequence[list[ShadowAnswer]] | None = None,
    ) -> PredictionBatch:
        version, answers, rows = arm_output.arm.version, arm_output.answers, arm_output.rows
        self.count(declared.name, version.version, self.route, len(answers.output.values))
        attribution = Attribution(
            model=version.name,
            version=version.version,
            digest=version.digest,
            epoch=serving.epoch,
            schema=declared.version,
            code=self.code,
            arm="challenger" if arm_output.is_challenger else "champion",
            route=self.route,
            mode=declared.declaration.serving.http if self.route == "http" else "durable",
            baseline=arm_output.arm.model.family == BASELINE,
            learnt_to=UNSET if answers.learnt_to is None else answers.learnt_to,
            fallback=arm_output.is_fallback or UNSET,
        )
        output, details = answers.output, answers.details
        if shadows is not None:
            shadow = shadows if rows is None else [shadows[row] for row in rows]
            if arm_output.is_fallback:
                shadow = [[each for each in row if each.version != version.version] for row in shadow]
            details = replace(details or PredictionDetails(), shadow=shadow)
        probabilities = None if output.probabilities is None else output.probabilities.tolist()
        entities = inputs.entities if rows is None else [inputs.entities[row] for row in rows]
        return PredictionBatch(arm_output.arm, attribution, output.values, entities, probabilities, details, rows)
