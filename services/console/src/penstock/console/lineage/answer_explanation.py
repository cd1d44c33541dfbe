"""Why an event was answered so: the answer, how its model came to serve, and the answer's own reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock.bus.ports import Log
from penstock.console.lineage.answer_reasons import AnswerReasons, ReasonsReader
from penstock.console.lineage.answer_search import AnswerSearch, FoundAnswer
from penstock.console.lineage.model_lineage import ModelLineage, read_lineage
from penstock.console.lineage.places import Placed
from penstock.contracts.records.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Why:
    """An answer, how its model came to serve, the outcome at which what tipped the training was found, and reasons.

    `reasons` are those of the answer itself; None where nobody asked for them.
    """

    answer: FoundAnswer
    lineage: ModelLineage
    tipping_outcome: Placed[Outcome[Any]] | None
    reasons: AnswerReasons | None = None


async def explain(
    log: Log, namespace: str, search: AnswerSearch, event_id: str, reasons: ReasonsReader | None = None
) -> Why | None:
    """Why an event was answered so in the stream that is searched; None if the log has no answer to it.

    Its own reasons are left out without `reasons`.

    Raises:
        TransientError: the log does not answer.
    """
    answer = await search.find(event_id)
    if answer is None:
        return None
    data = answer.prediction.record.data
    lineage = await read_lineage(log, namespace, answer.stream.name, data.epoch, data.version)
    place = lineage.tipping_outcome
    tipping_outcome = await search.outcome_at(place.offset) if place is not None else None
    return Why(answer, lineage, tipping_outcome, await reasons.reasons_of(answer, lineage) if reasons else None)
