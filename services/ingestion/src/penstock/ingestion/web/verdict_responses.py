"""Verdicts on records as responses: of one record, or of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.contracts.refusals import Refusal
from penstock.ingestion.intake import Verdict
from penstock.runtime.http.problems import Problem, problem_of, shortened
from penstock.runtime.http.raw_routes import RawResponse, encode_json, raw_problem_response


def record_response(verdict: Verdict) -> RawResponse:
    """The response to a single record."""
    if isinstance(verdict, Refusal):
        return raw_problem_response(problem_of(verdict))
    return RawResponse(202, encode_json({"id": verdict.id, "status": "accepted"}))


def batch_response(verdicts: Sequence[Verdict]) -> RawResponse:
    """The response to a batch: 202 unless every record of it was refused."""
    refusals = [_refusal_item(index, v) for index, v in enumerate(verdicts) if isinstance(v, Refusal)]
    summary: dict[str, Any] = {"accepted": len(verdicts) - len(refusals), "refused": refusals}
    if summary["accepted"]:
        return RawResponse(202, encode_json(summary))
    return raw_problem_response(Problem(422, "none_accepted", "every record of the batch was refused", more=summary))


def _refusal_item(index: int, refusal: Refusal) -> dict[str, Any]:
    return {
        "index": index,
        "id": refusal.id or None,
        "code": refusal.code,
        "field": None if refusal.field is None else shortened(refusal.field),
        "detail": shortened(refusal.detail),
    }
