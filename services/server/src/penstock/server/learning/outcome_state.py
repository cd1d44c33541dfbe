"""What a server has learnt from a stream's outcomes: the label history, and the champion if it goes on learning."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import UNSET

from penstock.contracts.batch import RawRecord
from penstock.contracts.codecs.prediction_encoder import PredictionDetails
from penstock.contracts.columns import table_of, times_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.first_by_offset import FirstByOffset
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.features.frame import Frame
from penstock.ml.features.history_rows import HistoryRows
from penstock.ml.features.lag_features import LabelHistory, Lags, lag_matrix, with_lag_features
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend

REMEMBERED_EVENTS = 50_000  # repeated work follows soon or not at all

LagFeatures = list[list[float | None]]
"""Lag features of n rows, as predictions carry them."""


class OutcomeState:
    """What was learnt from the outcomes before `learnt_to`; each event counts once, by its first outcome.

    Labels of imported history count until the first outcome of a prediction is learnt. They fill the label history
    only: a blend has learnt from history in training, in the order of its time. The experts' outputs that a prediction
    carries are learnt from if it is of this model, by its `digest`: those of another version are other experts.

    Whoever predicts with this state holds `lock` meanwhile, so that it does not change between lag features and output.
    """

    def __init__(
        self,
        history: LabelHistory,
        classes: Sequence[str],
        learnt_to: int = 0,
        blend: Blend | None = None,
        digest: str = "",
    ) -> None:
        self.learnt_to = learnt_to
        self.lock = asyncio.Lock()
        self._history = history
        self._blend = blend
        self._digest = digest
        self._classes = ClassIndex(classes)
        self._events: FirstByOffset[tuple[str, str | None, str], None] = FirstByOffset(REMEMBERED_EVENTS)
        self._has_live_outcomes = False

    def add_lag_features(self, frame: Frame, entities: Sequence[str | None]) -> tuple[Frame, LagFeatures | None]:
        """The frame of n rows with the lag features of their entities, and these as predictions carry them."""
        lags = self._history.lags
        if not lags.fields:
            return frame, None
        features = HistoryRows.of(lags, frame, entities).features(self._history)
        return with_lag_features(frame, lags, features), features.tolist()

    def details(self, lag_features: LagFeatures | None, output: ModelOutput) -> PredictionDetails | None:
        """What the predictions carry so that their outcomes can be learnt from."""
        experts = (
            None
            if self._blend is None or output.expert_outputs is None
            else self._blend.encode_expert_outputs(output.expert_outputs)
        )
        if lag_features is None and experts is None:
            return None
        return PredictionDetails(lag_features, experts)

    async def teach(self, declared: StreamDeclared, records: Sequence[RawRecord]) -> float:
        """Learn the next records of `outcomes` once nobody predicts; the seconds of CPU that it took."""
        async with self.lock:
            started = time.thread_time()
            self.learn(declared, records)
            return time.thread_time() - started

    def learn(self, declared: StreamDeclared, records: Sequence[RawRecord]) -> None:
        """Learn from the next records of `outcomes`. The caller holds `lock`."""
        decoded = OUTCOMES.decoder(declared)(records)
        outcomes = [outcome for outcome in decoded if isinstance(outcome, Outcome) and self._counts(outcome)]
        labelled = [(outcome, number) for outcome in outcomes if (number := self._label_number(outcome)) is not None]
        joined = [(outcome, number) for outcome, number in labelled if outcome.data.status == "joined"]
        if self._blend is not None and joined:
            _teach(self._blend, self._digest, declared.declaration, *zip(*joined, strict=True))
        self._extend_history(declared.declaration, labelled)
        self.learnt_to = records[-1].offset + 1

    def _extend_history(self, declaration: Declaration, labelled: Sequence[tuple[Outcome[Any], float]]) -> None:
        lags, outcomes = self._history.lags, [outcome for outcome, _ in labelled]
        frame = _frame_of(declaration, outcomes) if lags.reads_fields else Frame({}, np.empty(len(outcomes), "M8[ms]"))
        rows = HistoryRows.of(lags, frame, [outcome.data.entity for outcome in outcomes])
        rows.add_to(self._history, [number for _, number in labelled], range(len(outcomes)))

    def _counts(self, outcome: Outcome[Any]) -> bool:
        event, status = (outcome.source, outcome.data.entity, outcome.id), outcome.data.status
        if status == "imported" and self._has_live_outcomes:
            return False
        if not self._events.add(event, None) or status == "expired":
            return False
        self._has_live_outcomes = status == "joined"
        return True

    def _label_number(self, outcome: Outcome[Any]) -> float | None:
        label = outcome.data.label
        return None if label is None else self._classes.number(label)


def new_outcome_state(model: Model | Blend, declaration: Declaration, digest: str) -> OutcomeState | None:
    """The state that predictions of the model with this digest need, None when it neither learns nor uses lag features.

    A blend comes with what training has learnt. Other models start with an empty label history, so that it is there
    when the first blend is promoted.
    """
    if isinstance(model, Blend):
        return OutcomeState(model.label_history, model.classes, model.learnt_to, model, digest)
    if not Lags.of(declaration).fields:
        return None
    return OutcomeState(LabelHistory(Lags.of(declaration)), declaration.label.classes)


def _teach(
    blend: Blend,
    digest: str,
    declaration: Declaration,
    outcomes: Sequence[Outcome[Any]],
    label_numbers: Sequence[float],
) -> None:
    predictions = [outcome.data.answer for outcome in outcomes]
    lag_features = lag_matrix(
        blend.lags, (None if row.lag_features is UNSET else row.lag_features for row in predictions)
    )
    frame = with_lag_features(_frame_of(declaration, outcomes), blend.lags, lag_features)
    experts = blend.decode_expert_outputs(
        [None if row.experts is UNSET or row.digest != digest else row.experts for row in predictions]
    )
    blend.learn(blend.bin_indices(frame), experts, np.array(label_numbers, dtype=np.float64))


def _frame_of(declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> Frame:
    table = table_of(declaration, [outcome.data.fields for outcome in outcomes])
    return Frame.of_table(table, lambda: times_of([outcome.time for outcome in outcomes]))
