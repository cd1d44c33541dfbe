"""The reasons of an answer that was found: its model is opened as it was then, and asked what each field added."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from penstock.bus.ports import Log
from penstock.console.lineage.answer_search import FoundAnswer
from penstock.console.lineage.model_lineage import ModelLineage
from penstock.console.lineage.places import TopicReader
from penstock.contracts.batch import RawRecord
from penstock.contracts.columns import table_of, times_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.payloads import payload_type
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.topics import OUTCOMES
from penstock.ml.explanation.reasons import Contribution, MemberReasons, reasons_of
from penstock.ml.features.frame import Frame
from penstock.ml.features.lag_features import lag_matrix, with_lag_features
from penstock.ml.models.model import Model, UnusableAnswer
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import UnusablePackage, unpack_with_golden
from penstock.server.learning.outcome_state import new_outcome_state
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_loader import ModelLoader, StoreUnavailable
from penstock.server.models.schema_check import schema_mismatch
from penstock.server.scoring.external_predictions import EXTERNAL_DIGEST

MOST_OUTCOMES = 5_000  # that a model which learns is taught again, the newest: about a second
TOLERANCE = 1e-9  # by which the answer computed again may differ, of a number and of the largest


@dataclass(frozen=True, slots=True)
class AnswerReasons:
    """Why a model answered so: `base`, the `contributions` and `rest` add up to the `margin` of the answer, in `unit`.

    Contributions are of fields, of the time, and of histories, the largest first; `values` are what the fields held, by
    name. `members` hold the same for each member of the model. `difference` is how far the answer computed again is
    from the recorded one: of more than `TOLERANCE` these are not quite its reasons, and `rest` holds what differs.
    `unlearnt` outcomes were too many to learn again. With `missing` there are no reasons: it says why.
    """

    unit: str = ""
    margin: float = 0.0
    base: float = 0.0
    contributions: tuple[Contribution, ...] = ()
    rest: float = 0.0
    others: tuple[str, ...] = ()
    members: tuple[MemberReasons, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    difference: float = 0.0
    unlearnt: int = 0
    missing: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the answer was computed again as it was."""
        return self.difference <= TOLERANCE


class _NoReasons(Exception):
    """There are none; the message says why."""


class ReasonsReader:
    """Computes reasons, on request."""

    def __init__(self, log: Log, namespace: str, loader: ModelLoader) -> None:
        self._log = log
        self._namespace = namespace
        self._loader = loader

    async def reasons_of(self, answer: FoundAnswer, lineage: ModelLineage) -> AnswerReasons:
        """The reasons of an answer of a model with this lineage.

        Raises:
            TransientError: the log does not answer.
        """
        try:
            return await self._reasons_of(answer, lineage)
        except _NoReasons as error:
            return AnswerReasons(missing=str(error))

    async def _reasons_of(self, answer: FoundAnswer, lineage: ModelLineage) -> AnswerReasons:
        data, declaration = answer.prediction.record.data, answer.stream.declaration
        row = _row_of(answer)
        model, known_rows = await asyncio.to_thread(self._open, data, lineage, declaration)
        unlearnt = 0
        if isinstance(model, Blend):
            row = with_lag_features(row, model.lags, lag_matrix(model.lags, [data.lag_features or None]))
            unlearnt = await self._teach(model, answer)
        return await asyncio.to_thread(_reasons, model, row, known_rows, answer, unlearnt)

    def _open(
        self, data: PredictionData, lineage: ModelLineage, declaration: Declaration
    ) -> tuple[Model | Blend, Frame]:
        if data.baseline:
            raise _NoReasons("the baseline answers the same to every event")
        if data.digest == EXTERNAL_DIGEST:
            raise _NoReasons("an external model answered, which is not here")
        if lineage.epoch is None or lineage.model is None:
            raise _NoReasons(f"epoch {data.epoch}, which names its model, is no longer on the log")
        try:
            model, known_rows = unpack_with_golden(self._loader.fetch(lineage.epoch.record.stream, lineage.model))
        except (RefusedModel, StoreUnavailable, UnusablePackage) as error:
            raise _NoReasons(f"its model cannot be opened: {error}") from error
        if (mismatch := schema_mismatch(model, declaration)) is not None:
            raise _NoReasons(f"the stream was declared anew since: {mismatch}")
        return model, known_rows

    async def _teach(self, model: Blend, answer: FoundAnswer) -> int:
        """Teach a model the outcomes that it had learnt when it answered; how many of them were left out.

        A server does the same when it starts, so the weights are those that were in force.
        """
        data = answer.prediction.record.data
        learnt_to = model.learnt_to if data.learnt_to is UNSET else data.learnt_to
        state = new_outcome_state(model, answer.stream.declaration, data.digest)
        assert state is not None
        outcomes: TopicReader[Any] = TopicReader(self._log, self._namespace, OUTCOMES, answer.stream)
        begin, _ = (await outcomes.bounds()).get(0, (0, 0))
        start = max(model.learnt_to, begin, learnt_to - MOST_OUTCOMES)
        async for _, raw in outcomes.read_raw({0: (start, learnt_to)}):
            await asyncio.to_thread(_learn, state, answer, raw)
        return max(0, min(start, learnt_to) - model.learnt_to)


def _learn(state: Any, answer: FoundAnswer, raw: list[RawRecord]) -> None:
    if raw:
        state.learn(answer.stream, raw)


def _row_of(answer: FoundAnswer) -> Frame:
    """The event as a row, from the event itself or from its outcome."""
    if answer.event is not None:
        payload = answer.event.record.data
    elif answer.outcomes:
        payload = answer.outcomes[0].record.data.fields
    else:
        raise _NoReasons("its event is no longer on the log, and no outcome holds it")
    declaration = answer.stream.declaration
    if isinstance(payload, dict):  # of the prediction log
        payload = msgspec.convert(payload, payload_type(declaration), strict=False)
    times = times_of([answer.prediction.record.time])
    return Frame.of_table(table_of(declaration, [payload]), lambda: times)


def _reasons(model: Model | Blend, row: Frame, known_rows: Frame, answer: FoundAnswer, unlearnt: int) -> AnswerReasons:
    data, declaration = answer.prediction.record.data, answer.stream.declaration
    recorded = np.array(data.probabilities if data.probabilities is not None else [data.value], dtype=np.float64)
    try:
        computed = model.predict(row).numbers(len(recorded))[0]
        reasons = reasons_of(model, row, known_rows, data.value, recorded)
    except (UnusableAnswer, ValueError) as error:
        raise _NoReasons(f"the model does not answer this event now: {error}") from error
    scale = max(1.0, float(np.abs(recorded).max()))
    return AnswerReasons(
        unit=_unit(declaration, data, reasons.others),
        margin=reasons.margin,
        base=reasons.base,
        contributions=reasons.contributions,
        rest=reasons.rest,
        others=reasons.others,
        members=reasons.members,
        values={name: _plain(values[0]) for name, values in row.columns.items()},
        difference=float(np.abs(computed - recorded).max()) / scale,
        unlearnt=unlearnt,
    )


def _unit(declaration: Declaration, data: PredictionData, others: tuple[str, ...]) -> str:
    if data.probabilities is None:
        return declaration.label.name
    if len(others) == 1:
        return f"log odds of {data.value} against {others[0]}"
    return f"log odds of {data.value} against the mean of the {len(others)} others"


def _plain(value: Any) -> Any:
    """A value of a column as JSON has it; None where it is missing."""
    if isinstance(value, str) or value is None:
        return value
    return None if np.isnan(value) else float(value)
