"""MLServer: a custom runtime, as its documentation shows, with adaptive batching set in `model-settings.json`."""

from __future__ import annotations

import os

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from scoring import open_matrix_model


class Scorer(MLModel):
    """Scores rows of 22 numbers, categories already coded."""

    async def load(self) -> bool:
        """Read the weights."""
        self._score = open_matrix_model(os.environ["BENCH_MODEL"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """The probability of each row."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        scores = self._score(rows).reshape(-1, 1)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("predict", scores)])
