"""From a refusal to the record that tells of it, with the bytes it came in."""

from __future__ import annotations

import base64

from penstock.bus.ports import LARGEST_RECORD
from penstock.contracts.batch import RawRecord
from penstock.contracts.received_decoder import Received
from penstock.contracts.records.rejections import REJECTED_SUFFIX, Rejected, RejectedData, rejection_id
from penstock.contracts.refusals import Refusal
from penstock.validator.original_record import logged_at, whole

LARGEST_ORIGINAL = LARGEST_RECORD  # bytes: more can only be a record in binary mode, put together
LONGEST_TEXT = 500  # characters of what may quote the record: its field, its entity
LONGEST_SOURCE = 512 - len(REJECTED_SUFFIX)
NAMELESS = "penstock/validator"


def rejected(refusal: Refusal, record: Received, raw: RawRecord) -> Rejected:
    """The record on `rejected`. It holds nothing that is not on the log, so repeated work writes the same."""
    original = whole(raw)
    kept, detail = original[:LARGEST_ORIGINAL], refusal.detail[:LONGEST_TEXT]
    if len(kept) < len(original):
        detail += f"; only the first {LARGEST_ORIGINAL} of {len(original)} bytes are kept here"
    return Rejected(
        source=(refusal.source[:LONGEST_SOURCE] or NAMELESS) + REJECTED_SUFFIX,
        id=rejection_id(refusal.source, refusal.id, original),
        time=logged_at(raw) if isinstance(record, Refusal) else record.time,
        data=RejectedData(
            kind=refusal.kind,
            id=refusal.id,
            code=refusal.code,
            detail=detail,
            original=base64.b64encode(kept).decode(),
            field=refusal.field and refusal.field[:LONGEST_TEXT],
            entity=refusal.entity and refusal.entity[:LONGEST_TEXT],
        ),
    )
