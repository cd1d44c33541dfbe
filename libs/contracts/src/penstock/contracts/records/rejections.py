"""Rejections: which record was refused, why, and its bytes, so that it can be repaired and sent again."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Literal

from msgspec import Struct

from penstock.contracts.ids import derived_id
from penstock.contracts.records.events import DerivedSource, Identifier, Timestamp
from penstock.contracts.refusals import Refusal

REJECTION_TYPE = "penstock.rejected.v1"
REJECTION_SUFFIX = "#rejected"

LARGEST_ORIGINAL = 1_000_000  # bytes: only what a source read, or came in binary mode, can be larger
LONGEST_TEXT = 500  # characters of what may quote the record: its field, its entity
LONGEST_SOURCE = 512 - len(REJECTION_SUFFIX)


class RejectionData(Struct, kw_only=True):
    """The refusal of the record `id`: a reason `code`, a `detail` that explains it, and the `field` it is about.

    `original` is the record's value as it was received (base64).
    """

    kind: Literal["event", "label", "unknown"]
    id: str
    code: str
    detail: str
    original: str
    field: str | None = None
    entity: str | None = None


class Rejection(Struct, tag_field="type", tag=REJECTION_TYPE, kw_only=True):
    """An event or a label that was refused, with its bytes.

    `time` is the refused record's own if it could be read, else its log-append time.
    """

    specversion: Literal["1.0"] = "1.0"
    source: DerivedSource
    id: Identifier
    time: Timestamp
    data: RejectionData


def rejection_id(source: str, record_id: str, original: bytes) -> str:
    """The id of a rejection: one for each body refused under an id."""
    return derived_id("rejected", source, record_id, base64.b64encode(original).decode())


def rejection_of(refusal: Refusal, original: bytes, time: datetime, refused_by: str) -> Rejection:
    """The rejection of the record with the bytes `original`; of the same record it is the same.

    `refused_by` stands for the source of a record that names none.
    """
    head, detail = original[:LARGEST_ORIGINAL], refusal.detail[:LONGEST_TEXT]
    if len(head) < len(original):
        detail += f"; only the first {LARGEST_ORIGINAL} of {len(original)} bytes are kept here"
    return Rejection(
        source=(refusal.source[:LONGEST_SOURCE] or refused_by) + REJECTION_SUFFIX,
        id=rejection_id(refusal.source, refusal.id, original),
        time=time,
        data=RejectionData(
            kind=refusal.kind,
            id=refusal.id,
            code=refusal.code,
            detail=detail,
            original=base64.b64encode(head).decode(),
            field=refusal.field and refusal.field[:LONGEST_TEXT],
            entity=refusal.entity and refusal.entity[:LONGEST_TEXT],
        ),
    )
