"""Answers and outcomes in the prediction log: where what the topics hold begins is where this ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from penstock.archiver.handlers import FIELD
from penstock.console.lineage.places import Place, Placed
from penstock.console.prediction_log.locked_database import LockedDatabase, with_database
from penstock.console.prediction_log.log_files import PredictionLog
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome, OutcomeData
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction, PredictionData
from penstock.contracts.topics import OUTCOMES, PREDICTIONS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = "epoch_ms(appended) AS appended, epoch_us(time) AS time"
_KEPT = (
    "entity", "probabilities", "model", "version", "digest", "epoch", "schema", "code", "arm", "route", "mode",
    "baseline", "fallback", "learnt_to", "experts",
)  # fmt: skip


class ArchivedAnswers:
    """What the prediction log has of one stream. All calls block, and raise `ConsoleFailure` if it cannot be read."""

    def __init__(self, log: PredictionLog, folder: Path, stream: str) -> None:
        self._log = log
        self._folder = folder
        self._stream = stream
        self._ends = log.ends(stream)

    def ends(self, topic: str) -> Mapping[int, int]:
        """The offset of each partition of a topic up to which it is archived."""
        return {partition: end for (of_topic, partition), end in self._ends.items() if of_topic == topic}

    def prediction(self, event_id: str) -> Placed[Prediction] | None:
        """The newest answer to an event of this id: the first by offset of those to the same event."""
        rows = self._ask(f"SELECT * REPLACE ({_TIMES}) FROM predictions WHERE id = ?", [event_id])
        if not rows:
            return None
        source = max(rows, key=lambda row: row["appended"])["source"]
        return _prediction(min((row for row in rows if row["source"] == source), key=lambda row: row["offset"]))

    def earlier(self, entity: str, partition: int, before: int, most: int) -> list[Placed[Prediction]]:
        """The newest answers to an entity before an offset, the newest first."""
        question = (
            f'SELECT * REPLACE ({_TIMES}) FROM predictions WHERE entity = ? AND partition = ? AND "offset" < ?'
            ' QUALIFY row_number() OVER (PARTITION BY source, id ORDER BY "offset") = 1 ORDER BY "offset" DESC LIMIT ?'
        )
        return [_prediction(row) for row in self._ask(question, [entity, partition, before, most])]

    def outcomes(self, event_id: str) -> list[Placed[Outcome[Any]]]:
        """All outcomes of events of this id, in order."""
        question = (
            f"SELECT * REPLACE ({_TIMES}, epoch_us(label_time) AS label_time) FROM outcomes"
            ' WHERE id = ? ORDER BY "offset"'
        )
        return [_outcome(row) for row in self._ask(question, [event_id])]

    def _ask(self, question: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        if not self._ends:
            return []

        def rows(database: LockedDatabase) -> list[dict[str, Any]]:
            answer = database.ask(question, values)
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

        return with_database(self._log, [self._stream], self._folder, rows)


def _prediction(row: Mapping[str, Any]) -> Placed[Prediction]:
    shadow = None if row["shadow"] is None else msgspec.json.decode(row["shadow"])
    kept = {name: row[name] for name in _KEPT} | {"known": row["lag_features"], "shadow": shadow}
    present = {name: value for name, value in kept.items() if value is not None}
    data = msgspec.convert({**present, "value": _value(row)}, PredictionData)
    record = Prediction(source=row["source"] + PREDICTION_SUFFIX, id=row["id"], time=_time(row["time"]), data=data)
    return Placed(record, Place(PREDICTIONS.short_name, row["partition"], row["offset"]), row["appended"])


def _outcome(row: Mapping[str, Any]) -> Placed[Outcome[Any]]:
    label = row["label"] if row["label_number"] is None else row["label_number"]
    answer = PredictionData(
        value=_value(row), entity=row["entity"], probabilities=row["probabilities"], model="", schema=0, code="",
        **{name: row[name] for name in ("version", "digest", "epoch", "arm")},
    )  # fmt: skip
    data = OutcomeData(
        fields={name.removeprefix(FIELD): value for name, value in row.items() if name.startswith(FIELD)},
        prediction=UNSET if row["status"] == "imported" else answer,
        label=label,
        revision=row["revision"],
        label_time=None if row["label_time"] is None else _time(row["label_time"]),
        status=row["status"],
        entity=row["entity"],
    )
    record = Outcome(source=row["source"] + OUTCOME_SUFFIX, id=row["id"], time=_time(row["time"]), data=data)
    return Placed(record, Place(OUTCOMES.short_name, row["partition"], row["offset"]), row["appended"])


def _value(row: Mapping[str, Any]) -> Any:
    return row["value"] if row["number"] is None else row["number"]


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
