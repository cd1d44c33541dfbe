"""Why a record is refused: one table of reason codes, with the HTTP status each has at the edge."""

from __future__ import annotations

from dataclasses import dataclass
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
}
"""Every reason code and its HTTP status. `id_conflict` and `label_conflict` need state: the validator's word counts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that says something impossible: a code of `STATUS`, a sentence, and the field at fault.

    `source`, `id` and `entity` name the record where they could be read.
    """

    code: str
    detail: str
    field: str | None = None
    kind: Literal["event", "label", "unknown"] = "unknown"
    source: str = ""
    id: str = ""
    entity: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status that the edge answers with."""
        return STATUS[self.code]
