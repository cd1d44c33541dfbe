"""Which records ingestion refused, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class RefusalReason(NamedTuple):
    """Why a record was refused: a code, the field it is about ("": the whole record), and a sentence."""

    code: str
    field: str
    detail: str


@dataclass(frozen=True, slots=True)
class RecordRefusal:
    """The refusal of the record at `index` of a batch."""

    index: int
    reason: RefusalReason
