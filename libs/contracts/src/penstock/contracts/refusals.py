"""Why a record is refused: the table of reason codes, and the HTTP status that answers each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

STATUS: dict[str, int] = {
    "malformed": 400,
    "duplicate_key": 400,
    "not_finite": 422,
    "bad_text": 422,
    "wrong_type": 422,
    "missing_field": 422,
    "extra_field": 422,
    "bad_id": 422,
    "bad_time": 422,
    "clock_skew": 422,
    "out_of_range": 422,
    "unknown_category": 422,
    "unknown_class": 422,
    "unknown_schema_version": 422,
    "missing_entity": 422,
    "id_conflict": 409,
    "label_conflict": 409,
    "forged_answer": 422,
    "missing_prediction": 422,
    "unexpected_prediction": 422,
    "bad_prediction": 422,
    "too_large": 413,
    "unsupported_media_type": 415,
    "unknown_stream": 404,
    "unknown_schema": 422,
    "unmapped_change": 422,
}
"""Every reason code and its HTTP status. The two conflicts need state: the validator decides on them.
The last two are of sources: ingestion decides on them."""

RecordKind = Literal["event", "label", "unknown"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one record is refused: a code of `STATUS`, a sentence that explains it, and the field it is about.

    `kind`, `source`, `id` and `entity` identify the refused record, as far as they could be read.
    """

    code: str
    detail: str
    field: str | None = None
    kind: RecordKind = "unknown"
    source: str = ""
    id: str = ""
    entity: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the response to a refused request."""
        return STATUS[self.code]

    def of_record(self, kind: RecordKind, source: str, record_id: str, entity: str | None) -> Refusal:
        """The same refusal with the identity of the record that is refused."""
        return replace(self, kind=kind, source=source, id=record_id, entity=entity)
