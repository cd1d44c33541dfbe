"""Predictions of a stream: a search by event or entity, and why one was answered so."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.console.failure import ConsoleFailure
from penstock.console.lineage.answer_explanation import Why, explain
from penstock.console.lineage.answer_reasons import ReasonsReader
from penstock.console.lineage.answer_search import AnswerSearch
from penstock.console.lineage.archived_answers import ArchivedAnswers
from penstock.console.lineage.places import Placed, TopicReader
from penstock.console.prediction_log.log_files import PredictionLog
from penstock.console.web.sources import PageMissing, Sources
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS

NEWEST = 50


@dataclass(frozen=True)
class PredictionsPage:
    """The newest predictions of a stream, the newest first."""

    declared: StreamDeclared
    newest: Sequence[Placed[Prediction]]


async def read_predictions(sources: Sources, name: str) -> PredictionsPage:
    """The page with a stream's newest predictions.

    Raises:
        PageMissing: no stream of that name is declared.
        TransientError: the log does not answer.
    """
    declared, _ = sources.stream(name)
    reader: TopicReader[Prediction] = TopicReader(sources.log, sources.namespace, PREDICTIONS, declared)
    spans = {number: (max(begin, end - NEWEST), end) for number, (begin, end) in (await reader.bounds()).items()}
    found = [placed async for placed in reader.read(spans)]
    return PredictionsPage(declared, sorted(found, key=lambda placed: -placed.appended)[:NEWEST])


async def find_answers(sources: Sources, event_id: str, name: str | None) -> list[Why]:
    """Why an event was answered so, in the stream named or in all that have answered one of this id.

    Raises:
        PageMissing: there is no such stream, or no such answer.
        TransientError: the log does not answer.
    """
    streams = (
        [sources.stream(name)[0]]
        if name
        else [history.declared for history in sources.history.declared().values() if history.declared is not None]
    )
    found = await asyncio.gather(*(_explain(sources, stream, event_id) for stream in streams))
    answers = [answer for answer in found if answer is not None]
    if not answers:
        raise PageMissing(
            f"Neither the log nor the prediction log has an answer to an event {event_id!r} of "
            f"{f'stream {name}' if name else 'any stream'}."
        )
    return answers


async def _explain(sources: Sources, stream: StreamDeclared, event_id: str) -> Why | None:
    with tempfile.TemporaryDirectory(prefix="penstock-why-") as folder:
        archive = await asyncio.to_thread(_archive, sources, Path(folder), stream.name)
        search = AnswerSearch(sources.log, sources.namespace, stream, archive)
        models = sources.models
        reasons = None if models is None else ReasonsReader(sources.log, sources.namespace, models)
        return await explain(sources.log, sources.namespace, search, event_id, reasons)


def _archive(sources: Sources, folder: Path, stream: str) -> ArchivedAnswers | None:
    """The prediction log of a stream; None where the store cannot be read: the log may have the answer all the same."""
    try:
        return ArchivedAnswers(PredictionLog(sources.artifacts, sources.namespace, folder), folder, stream)
    except ConsoleFailure:
        return None
