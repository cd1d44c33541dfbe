"""The envelope of control-plane records: an id, a time, and the id of the record that caused it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

from penstock.contracts.input_bounds import to_utc


def _checked_time(instant: datetime) -> datetime:
    """The time in UTC, within bounds.

    Raises:
        ValueError: there is no such time in UTC.
    """
    try:
        instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a time that there is in UTC") from error
    return to_utc(instant)


UtcTimestamp = Annotated[AwareDatetime, AfterValidator(_checked_time)]
_ATTRIBUTES = ("source", "id", "time", "cause")


class ControlRecord(BaseModel):
    """A record of the control plane. On the log it is a CloudEvent whose `data` holds the record's own fields.

    `cause` (on the log: `causationid`) is the id of the record that led to this one, so that a promotion can be
    followed back to the label that began it.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, serialize_by_alias=True, validate_by_name=True
    )

    type: ClassVar[str]

    source: str
    id: str
    time: UtcTimestamp
    cause: str | None = None

    def to_json(self) -> bytes:
        """The record as a structured CloudEvent."""
        fields = self.model_dump(mode="json")
        envelope: dict[str, Any] = {"specversion": "1.0", "type": self.type}
        envelope |= {name: fields.pop(name) for name in ("source", "id", "time")}
        cause = fields.pop("cause")
        if cause is not None:
            envelope["causationid"] = cause
        return json.dumps({**envelope, "data": fields}, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read a structured CloudEvent of this record's type.

        Raises:
            ValueError: it is not JSON, has another type, or lacks a field that the record needs.
        """
        envelope = json.loads(content)
        if not isinstance(envelope, dict) or not isinstance(envelope.get("data"), dict):
            raise ValueError("expected a CloudEvent with an object as data")
        if envelope.get("type") != cls.type:
            raise ValueError(f"expected type {cls.type}, found {envelope.get('type')!r}")
        attributes = {name: envelope[name] for name in _ATTRIBUTES if name in envelope}
        fields = {**envelope["data"], **attributes, "cause": envelope.get("causationid")}
        return cls.model_validate(fields, extra="ignore")  # a newer version may have more fields
