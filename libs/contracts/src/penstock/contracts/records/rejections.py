"""Rejections: what was refused, why, and the bytes it came in, so that it can be repaired and sent again."""

from __future__ import annotations

import base64
from typing import Literal

from msgspec import Struct

from penstock.contracts.ids import derived_id
from penstock.contracts.records.events import Text, Zoned

REJECTED_TYPE = "penstock.rejected.v1"
REJECTED_SUFFIX = "#rejected"


class RejectedData(Struct, kw_only=True):
    """Why `id` was refused: a reason `code`, the `field` at fault, a sentence, and the original bytes (base64)."""

    kind: Literal["event", "label", "unknown"]
    id: str
    code: str
    detail: str
    original: str
    field: str | None = None
    entity: str | None = None


class Rejected(Struct, tag_field="type", tag=REJECTED_TYPE, kw_only=True):
    """One refusal. `time` is the event's own when it could be read, else when the log took it in."""

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: RejectedData


def rejection_id(source: str, record_id: str, original: bytes) -> str:
    """The id of a refusal: one per body refused under an id."""
    return derived_id("rejected", source, record_id, base64.b64encode(original).decode())
