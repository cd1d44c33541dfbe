"""Verdicts on records as responses: of one record, or of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from penstock.contracts.refusals import Refusal
from penstock.ingestion.intake import Verdict
from penstock.runtime.http.problems import Problem, problem_of, shortened
from penstock.runtime.http.raw_routes import RawResponse, encode_json, raw_problem_response


class AcceptedRecord(Struct):
    """A record that the broker has acknowledged."""

    id: str
    status: Literal["accepted"] = "accepted"


class RefusedRecord(Struct):
    """A refused record of a batch: its place, its id if it has a readable one, and why."""

    index: int
    id: str | None
    code: str
    field: str | None
    detail: str


class BatchVerdicts(Struct):
    """How many records of a batch were accepted, and which were refused."""

    accepted: int
    refused: list[RefusedRecord]


def record_response(verdict: Verdict) -> RawResponse:
    """The response to a single record."""
    if isinstance(verdict, Refusal):
        return raw_problem_response(problem_of(verdict))
    return RawResponse(202, encode_json(AcceptedRecord(verdict.id)))


def batch_response(verdicts: Sequence[Verdict]) -> RawResponse:
    """The response to a batch: 202 unless every record of it was refused."""
    refused = [_refused_record(index, v) for index, v in enumerate(verdicts) if isinstance(v, Refusal)]
    summary = BatchVerdicts(len(verdicts) - len(refused), refused)
    if summary.accepted:
        return RawResponse(202, encode_json(summary))
    detail = "every record of the batch was refused"
    return raw_problem_response(Problem(422, "none_accepted", detail, more=msgspec.to_builtins(summary)))


def _refused_record(index: int, refusal: Refusal) -> RefusedRecord:
    field = None if refusal.field is None else shortened(refusal.field)
    return RefusedRecord(index, refusal.id or None, refusal.code, field, shortened(refusal.detail))
