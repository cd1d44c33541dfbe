"""A small stream: its records, and batches of them as the bus passes them to a handler."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.bus.memory.partition import MemoryRecord
from penstock.contracts.batch import Batch
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event, Label, LabelData
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.outcomes import Outcome, OutcomeData
from penstock.contracts.records.payloads import payload_type
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import Topic

START = datetime(2026, 1, 1, tzinfo=UTC)


class RecordFactory:
    """Makes the records of a stream `power`; times are minutes since the start of 2026."""

    start = START

    def __init__(self) -> None:
        self.payload = payload_type(self.declared().declaration)

    def declared(self, task: str = "binary", **changes: Any) -> StreamDeclared:
        label: dict[str, Any] = {"name": "up", "horizon": "PT1H"}
        label |= {"classes": ["0", "1"]} if task != "regression" else {}
        fields = {"meter": {"type": "category"}, "load": {"type": "number"}}
        declaration = Declaration.model_validate(
            {"name": "power", "task": task, "entity": "meter", "fields": fields, "label": label, **changes}
        )
        return StreamDeclared(source="s", id=f"{task}-{changes}", time=START, version=1, declaration=declaration)

    def event(self, number: int, minute: float = 0.0, load: float | None = 1.0, meter: str = "a") -> Event[Any]:
        data = self.payload(f0=meter, f1=load)
        return Event(source="grid", id=f"e{number}", time=START + timedelta(minutes=minute), data=data)

    def answer(self, value: str | float, **changes: Any) -> PredictionData:
        defaults: dict[str, Any] = {
            "model": "power", "version": 1, "digest": "d", "epoch": 1, "schema": 1, "code": "0", "entity": "a",
        }  # fmt: skip
        return PredictionData(value=value, **{**defaults, **changes})

    def prediction(self, number: int, minute: float = 0.0, value: str | float = "1", **changes: Any) -> Prediction:
        time = START + timedelta(minutes=minute)
        return Prediction(source="grid#prediction", id=f"e{number}", time=time, data=self.answer(value, **changes))

    def label(
        self, number: int, minute: float = 0.0, value: str | float | bool = "1", revision: int = 0, entity: str = "a"
    ) -> Label:
        data = LabelData(event_id=f"e{number}", event_source="grid", value=value, revision=revision, entity=entity)
        return Label(source="truth", id=f"l{number}-{revision}", time=START + timedelta(minutes=minute), data=data)

    def outcome(
        self, number: int, value: str | float = "1", label: str | float | None = "1", revision: int = 0, **answer: Any
    ) -> Outcome[Any]:
        return Outcome(
            source="grid#outcome",
            id=f"e{number}",
            time=START + timedelta(minutes=number),
            data=OutcomeData(
                fields=self.payload(f0="a", f1=1.0),
                prediction=self.answer(value, **answer),
                label=label,
                revision=revision,
                label_time=None if label is None else START + timedelta(minutes=number + 10),
                status="expired" if label is None else "joined",
                entity="a",
            ),
        )

    def epoch(self, number: int, profile: str | None) -> ModelEpoch:
        champion = ModelVersion(
            name="power", version=number, family="linear", digest="d", profile=profile, envelope={}, schema_version=1
        )
        return ModelEpoch(
            source="s", id=str(number), time=START, stream="power", epoch=number, champion=champion, reason="promotion"
        )

    def batch(
        self,
        topic: Topic[Any],
        records: Sequence[Any],
        declared: StreamDeclared | None = None,
        first: int = 0,
        offsets: Sequence[int] | None = None,
    ) -> Batch[Any]:
        numbers = offsets if offsets is not None else range(first, first + len(records))
        raw = [MemoryRecord(offset, 0, b"a", b"", ()) for offset in numbers]
        return Batch(topic, declared or self.declared(), 0, list(records), raw)


@pytest.fixture(scope="session")
def make() -> RecordFactory:
    """Makes records and batches."""
    return RecordFactory()
