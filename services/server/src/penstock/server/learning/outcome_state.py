"""What a stream's outcomes have taught those who answer it: the labels known, and the champion if it goes on learning."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from msgspec import UNSET

from penstock.contracts.batch import RawRecord
from penstock.contracts.columns import table_of, times_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PredictionDetails
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES
from penstock.ml.features.frame import Block, Frame
from penstock.ml.features.lag_features import LabelHistory, Lags, lag_inputs, lag_matrix, with_lag_features
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend

REMEMBERED = 50_000  # events whose outcome was folded: repeated work comes soon or not at all


class Fold:
    """A fold over the stream's outcomes from `learnt_to` on; each event counts once, by its first outcome.

    Imported history lies before whatever was asked: its labels are known until the first outcome of an answer is folded.
    It teaches a blend only in training, in the order of its time.

    Whoever answers with it holds `in_use` meanwhile: it must not learn while it speaks.
    """

    def __init__(
        self, known: LabelHistory, classes: Sequence[str], learnt_to: int = 0, blend: Blend | None = None
    ) -> None:
        self.learnt_to = learnt_to
        self.in_use = asyncio.Lock()
        self._known = known
        self._blend = blend
        self._numbers = {name: float(index) for index, name in enumerate(classes)}
        self._met: dict[tuple[str, str | None, str], None] = {}
        self._live = False

    def asked(self, frame: Frame, entities: Sequence[str | None]) -> tuple[Frame, list[list[float | None]] | None]:
        """The frame with what is known of the entities, and the same as predictions carry it."""
        lags = self._known.lags
        if not lags.fields:
            return frame, None
        features = self._known.features(entities)
        return with_lag_features(frame, lags, features), features.tolist()

    def evidence(self, known: list[list[float | None]] | None, answers: ModelOutput) -> PredictionDetails | None:
        """What predictions carry for those who learn from them."""
        said = None if self._blend is None or answers.said is None else self._blend.written(answers.said)
        return PredictionDetails(known, said) if known is not None or said is not None else None

    def take(self, declared: StreamDeclared, records: Sequence[RawRecord]) -> None:
        """Fold the next records of `outcomes`; none may be in use elsewhere."""
        decoded = OUTCOMES.decoder(declared)(records)
        fresh = [outcome for outcome in decoded if isinstance(outcome, Outcome) and self._is_new(outcome)]
        numbered = [(outcome, number) for outcome in fresh if (number := self._number_of(outcome)) is not None]
        lessons = [(outcome, number) for outcome, number in numbered if outcome.data.status == "joined"]
        if self._blend is not None and lessons:
            self._teach(self._blend, declared.declaration, *zip(*lessons, strict=True))
        self._remember(declared.declaration, numbered)
        self.learnt_to = records[-1].offset + 1

    def _teach(
        self, blend: Blend, declaration: Declaration, outcomes: Sequence[Outcome[Any]], numbers: Sequence[float]
    ) -> None:
        predictions = [outcome.data.answer for outcome in outcomes]
        known = lag_matrix(blend.lags, (None if said.known is UNSET else said.known for said in predictions))
        frame = with_lag_features(_frame_of(declaration, outcomes), blend.lags, known)
        said = blend.read([None if said.experts is UNSET else said.experts for said in predictions])
        blend.learn(blend.places(frame), said, np.array(numbers, dtype=np.float64))

    def _remember(self, declaration: Declaration, numbered: Sequence[tuple[Outcome[Any], float]]) -> None:
        inputs: Iterable[Sequence[float]] = repeat(())
        if self._known.lags.watched and numbered:
            inputs = lag_inputs(_frame_of(declaration, [outcome for outcome, _ in numbered]), self._known.lags).tolist()
        for (outcome, number), row in zip(numbered, inputs, strict=False):
            self._known.take(outcome.data.entity, number, row)

    def _is_new(self, outcome: Outcome[Any]) -> bool:
        event, status = (outcome.source, outcome.data.entity, outcome.id), outcome.data.status
        if status == "expired" or (status == "imported" and self._live) or event in self._met:
            return False
        self._live = status == "joined"
        self._met[event] = None
        if len(self._met) > REMEMBERED:
            del self._met[next(iter(self._met))]
        return True

    def _number_of(self, outcome: Outcome[Any]) -> float | None:
        label = outcome.data.label
        return self._numbers.get(label) if isinstance(label, str) else label


def fold_of(model: Model | Blend, declaration: Declaration) -> Fold | None:
    """The fold that the model begins with, None for one that learns nothing more.

    A blend brings its own; before there is one, the labels known are folded from the first outcome on, if they are to
    be features.
    """
    if isinstance(model, Blend):
        return Fold(model.known, model.classes, model.learnt_to, model)
    if not declaration.lags.any:
        return None
    return Fold(LabelHistory(lags_of(declaration)), declaration.label.classes)


def lags_of(declaration: Declaration) -> Lags:
    """The lags that the stream declares."""
    return Lags(declaration.lags.label, declaration.lags.mean, declaration.lags.running)


def _frame_of(declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> Frame:
    table = table_of(declaration, [outcome.data.fields for outcome in outcomes])
    block = Block(table.names, table.matrix)
    return Frame.of_block(block, table.categories, lambda: times_of([outcome.time for outcome in outcomes]))
