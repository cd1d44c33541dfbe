"""The newest answers of a stream: with their labels as far as they came, and those that still wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from penstock.bus.ports import Log
from penstock.contracts.entities import entity_of
from penstock.contracts.input_bounds import to_utc
from penstock.contracts.outcome_order import EXPIRED, counts
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, PredictionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, OUTCOMES, PREDICTIONS
from penstock.registry.quality.topic_tail import read_tail

MOST_ANSWERS = 20_000  # that are read of each topic, the newest: seconds of work

EventKey = tuple[str, str | None, str]  # source, entity, id


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to an event of a `time`, and its label; `fields` are the event's, None where it is not on hand.

    `arrived` is when the log took the outcome, in ms since 1970: then the label came, or was given up (`label` is
    None). None: the label is still waited for. A correction changes the label and not its arrival.
    """

    time: datetime
    prediction: PredictionData
    fields: Any
    label: str | float | None = None
    arrived: int | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers in the order of their outcomes, those that wait for a label last.

    All answers to events from `complete_from` on are among them (None: all that there were); of earlier ones those
    whose outcome is new.
    """

    answers: Sequence[Answer]
    complete_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Prediction:
    time: datetime
    appended: int
    data: PredictionData
    follows_a_cut: bool


async def read_answers(log: Log, namespace: str, stream: StreamDeclared, most: int = MOST_ANSWERS) -> Answers:
    """The newest answers of a stream: about `most` with an outcome, and at most as many that wait for one.

    Outcomes are read last, so that an answer whose outcome came meanwhile does not seem to wait.

    Raises:
        TransientError: the log does not answer.
    """
    predictions = await _predictions(log, namespace, stream, most)
    fields = await _fields(log, namespace, stream, most)
    answers, since = await _with_outcome(log, namespace, stream, most)
    # An outcome follows its prediction: of what was predicted before the first outcome that is read, it may be missing.
    recent = {key: prediction for key, prediction in predictions.items() if prediction.appended >= since}
    is_cut = len(recent) < len(predictions)
    begins = [one.time for index, one in enumerate(recent.values()) if one.follows_a_cut or (is_cut and index == 0)]
    pending = [Answer(one.time, one.data, fields.get(key)) for key, one in recent.items() if key not in answers]
    return Answers([*answers.values(), *pending], max(begins, default=None))


async def _predictions(log: Log, namespace: str, stream: StreamDeclared, most: int) -> dict[EventKey, _Prediction]:
    """The newest predictions, first by offset."""
    predictions: dict[EventKey, _Prediction] = {}
    async for read in read_tail(log, namespace, stream, PREDICTIONS, most):
        record = read.record
        key = (record.source.removesuffix(PREDICTION_SUFFIX), record.data.entity, record.id)
        found = _Prediction(to_utc(record.time), read.raw.timestamp, record.data, read.follows_a_cut)
        predictions.setdefault(key, found)
    return predictions


async def _fields(log: Log, namespace: str, stream: StreamDeclared, most: int) -> dict[EventKey, Any]:
    """The fields of the newest events, which their predictions do not hold."""
    fields: dict[EventKey, Any] = {}
    async for read in read_tail(log, namespace, stream, EVENTS, most):
        event = read.record
        fields.setdefault((event.source, entity_of(stream.declaration, event), event.id), event.data)
    return fields


async def _with_outcome(
    log: Log, namespace: str, stream: StreamDeclared, most: int
) -> tuple[dict[EventKey, Answer], int]:
    """The answers of the newest outcomes, and since when (ms since 1970) the outcomes are all there."""
    answers: dict[EventKey, Answer] = {}
    revisions: dict[EventKey, int] = {}
    since = 0
    async for read in read_tail(log, namespace, stream, OUTCOMES, most):
        outcome, data = read.record, read.record.data
        since = read.raw.timestamp if read.follows_a_cut else since
        key = (outcome.source.removesuffix(OUTCOME_SUFFIX), data.entity, outcome.id)
        revision = EXPIRED if data.label is None else data.revision
        if data.status == "imported" or not counts(revision, revisions.get(key)):
            continue
        if key in revisions:
            answers[key] = replace(answers[key], label=data.label)
        else:
            answers[key] = Answer(to_utc(outcome.time), data.answer, data.fields, data.label, read.raw.timestamp)
        revisions[key] = revision
    return answers, since
