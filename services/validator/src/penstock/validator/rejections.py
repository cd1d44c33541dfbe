"""The record on `rejected` for a refusal, with the bytes of the record that was refused."""

from __future__ import annotations

import base64

from penstock.bus.ports import MAX_RECORD_BYTES
from penstock.contracts.batch import RawRecord
from penstock.contracts.codecs.received_decoder import Received
from penstock.contracts.records.rejections import REJECTION_SUFFIX, Rejection, RejectionData, rejection_id
from penstock.contracts.refusals import Refusal
from penstock.validator.raw_record import cloudevent_json, log_append_time

LARGEST_ORIGINAL = MAX_RECORD_BYTES  # bytes: only a record that came in binary mode can be larger
LONGEST_TEXT = 500  # characters of what may quote the record: its field, its entity
LONGEST_SOURCE = 512 - len(REJECTION_SUFFIX)
SOURCE_IF_MISSING = "penstock/validator"


def rejection_of(refusal: Refusal, record: Received, raw: RawRecord) -> Rejection:
    """The rejection of one record. It depends on the log alone, so handling the record again writes the same."""
    original = cloudevent_json(raw)
    head, detail = original[:LARGEST_ORIGINAL], refusal.detail[:LONGEST_TEXT]
    if len(head) < len(original):
        detail += f"; only the first {LARGEST_ORIGINAL} of {len(original)} bytes are kept here"
    return Rejection(
        source=(refusal.source[:LONGEST_SOURCE] or SOURCE_IF_MISSING) + REJECTION_SUFFIX,
        id=rejection_id(refusal.source, refusal.id, original),
        time=log_append_time(raw) if isinstance(record, Refusal) else record.time,
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
