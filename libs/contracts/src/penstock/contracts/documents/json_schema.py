"""The JSON Schema of every record, derived from its type."""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.dead_letters import DeadLetter
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.governance import AuditEntry, Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert, Drift, Notification, Statistics
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest, TrainingRun

Schema = dict[str, Any]
Payload = dict[str, Any]  # the fields that a stream declares

DATA_RECORDS: tuple[Any, ...] = (
    Event[Payload], Label, Rejection, Prediction, Outcome[Payload], Counts, DeadLetter,
)  # fmt: skip
CONTROL_RECORDS: tuple[type[ControlRecord], ...] = (
    StreamDeclared, ModelEpoch, Command, TrainingRequest, TrainingRun, Decision, Statistics, Drift, Alert, Notification,
    AuditEntry,
)  # fmt: skip


def record_types() -> dict[str, Any]:
    """Every record class by its CloudEvents type."""
    data = {_tag(record): record for record in DATA_RECORDS}
    return data | {record.type: record for record in CONTROL_RECORDS}


def record_name(cloud_type: str) -> str:
    """`penstock.event.v1` → `event`, the name of the record in the table of topics."""
    return cloud_type.split(".")[1]


def schema_of(record: Any) -> Schema:
    """The JSON Schema (2020-12) of a record's value on the log."""
    if isinstance(record, type) and issubclass(record, ControlRecord):
        return _control_schema(record)
    schema = msgspec.json.schema(record)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": _tag(record), **schema}


def _tag(record: Any) -> str:
    origin = getattr(record, "__origin__", record)
    return str(origin.__struct_config__.tag)


def _control_schema(record: type[ControlRecord]) -> Schema:
    schema = record.model_json_schema(mode="serialization")
    definitions = schema.pop("$defs", {})
    fields = schema["properties"]
    attributes = {name: fields.pop(name) for name in ("source", "id", "time")}
    fields.pop("cause")
    required = [name for name in schema.get("required", []) if name in fields]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": record.type,
        "title": record.__name__,
        "description": (record.__doc__ or "").strip(),
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"const": record.type},
            **attributes,
            "causationid": {"type": "string"},
            "data": {"type": "object", "properties": fields, "required": required},
        },
        "required": ["specversion", "type", "source", "id", "time", "data"],
        **({"$defs": definitions} if definitions else {}),
    }
