"""What is left, one record, and a tally, as documents for programs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from penstock.console.record_refusal import RefusalReason
from penstock.console.repair.assessed_pages import Tally
from penstock.console.repair.defects import Defect
from penstock.console.repair.inspection import Inspection
from penstock.console.repair.journal import RuleInForce
from penstock.console.repair.overview import Overview, ReasonCount
from penstock.console.repair.reasons import Reason


def time_text(milliseconds: int) -> str:
    """The time so many milliseconds after 1970.

    >>> time_text(1_767_225_600_000)
    '2026-01-01T00:00:00Z'
    """
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def overview_document(overview: Overview) -> dict[str, Any]:
    """What is left of one stream; `after` is where the next page begins, null on the last one."""
    journal = overview.journal
    return {
        "stream": overview.stream,
        "left": overview.left,
        "released": journal.released_count,
        "dropped": journal.dropped_count,
        "counts": [_count_document(reason, count) for reason, count in overview.by_count()],
        "rules": [_rule_document(in_force) for in_force in journal.rules_at_work()],
        "records": [defect_document(defect) for defect in overview.page],
        "after": str(overview.page[-1].place) if overview.has_more and overview.page else None,
    }


def defect_document(defect: Defect) -> dict[str, Any]:
    """One record, without its bytes."""
    return {
        "at": str(defect.place),
        "time": time_text(defect.time),
        "code": defect.code,
        "field": defect.field,
        "detail": defect.detail,
        "kind": defect.kind,
        "id": defect.id,
        "topic": defect.topic,
    }


def inspection_document(inspection: Inspection) -> dict[str, Any]:
    """One record with its bytes (base64), as it is and as the rules make it, and what a release would do."""
    assessment = inspection.assessment
    original = assessment.defect.original
    return defect_document(assessment.defect) | {
        "original": None if original is None else base64.b64encode(original).decode(),
        "edited": base64.b64encode(assessment.value).decode() if assessment.is_edited else None,
        "done": inspection.is_done,
        "fate": assessment.fate,
        "reason": assessment.reason and _reason_document(assessment.reason),
    }


def tally_document(tally: Tally) -> dict[str, Any]:
    """How many records pass, and why the others do not."""
    return {
        "passing": tally.passing,
        "duplicates": tally.duplicates,
        "refused": [
            {
                "code": code,
                "field": field,
                "count": count,
                "example": str(tally.examples[code, field].defect.place),
                "detail": detail_of(tally, (code, field)),
            }
            for (code, field), count in tally.refused.most_common()
        ],
        "whole": tally.is_whole,
    }


def detail_of(tally: Tally, reason: Reason) -> str:
    """What is said of the first record that was refused for this reason."""
    example = tally.examples[reason].reason
    return "" if example is None else example.detail


def _count_document(reason: Reason, count: ReasonCount) -> dict[str, Any]:
    code, field = reason
    first, last = time_text(count.first), time_text(count.last)
    return {"code": code, "field": field, "count": count.count, "first": first, "last": last}


def _rule_document(in_force: RuleInForce) -> dict[str, Any]:
    return {
        "number": in_force.number,
        "by": in_force.by,
        "time": in_force.time.isoformat(),
        "reason": in_force.reason,
        "rule": in_force.rule.model_dump(mode="json", exclude_defaults=True),
    }


def _reason_document(reason: RefusalReason) -> dict[str, Any]:
    return {"code": reason.code, "field": reason.field, "detail": reason.detail}
