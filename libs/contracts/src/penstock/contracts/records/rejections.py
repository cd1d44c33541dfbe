"""Rejections: which record was refused, why, and its bytes, so that it can be repaired and sent again."""

from __future__ import annotations

import base64
from typing import Literal

from msgspec import Struct

from penstock.contracts.ids import derived_id
from penstock.contracts.records.events import DerivedSource, Identifier, Timestamp

REJECTION_TYPE = "penstock.rejected.v1"
REJECTION_SUFFIX = "#rejected"


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
