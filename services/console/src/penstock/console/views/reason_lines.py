"""The reasons of an answer in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from penstock.console.lineage.answer_reasons import AnswerReasons
from penstock.ml.explanation.reasons import Contribution

SHOWN = 6  # contributions, the largest; all are in --json


def reason_lines(reasons: AnswerReasons) -> Iterator[str]:
    """What each field added, the most first, and what of it is certain."""
    if reasons.missing is not None:
        yield f"Its reasons cannot be computed: {reasons.missing}."
        return
    largest, others = reasons.contributions[:SHOWN], reasons.contributions[SHOWN:]
    parts = [_part(one, reasons) for one in largest]
    if others:
        parts.append(f"{len(others)} more {sum(one.added for one in others):+.3g}")
    if abs(reasons.rest) >= 0.005 * max(1.0, abs(reasons.margin)):
        parts.append(f"the rest {reasons.rest:+.3g}")
    yield f"Its reasons, in {reasons.unit}: {'; '.join(parts) or 'nothing told it from others'};"
    yield f"  from {reasons.base:+.3g}, what the model says on average, to {reasons.margin:+.3g}"
    if not reasons.is_exact:
        yield f"  computed again the answer differs by {reasons.difference:.2g}{_why_differing(reasons)}: in the rest"


def reasons_document(reasons: AnswerReasons) -> dict[str, Any]:
    """The same for programs, with all contributions and those of each member."""
    if reasons.missing is not None:
        return {"missing": reasons.missing}
    document = asdict(reasons)
    del document["missing"]
    return document | {"contributions": [_document(one, reasons) for one in reasons.contributions]}


def _part(one: Contribution, reasons: AnswerReasons) -> str:
    value = f" ({shown})" if (shown := value_of(one, reasons)) is not None else ""
    error = "" if one.error is None else f" ± {one.error:.2g}"
    return f"{one.name}{value} {one.added:+.3g}{error}"


def value_of(one: Contribution, reasons: AnswerReasons) -> str | None:
    """What the field held, as text; None where it is no field.

    >>> value_of(Contribution("amount", 1.0), AnswerReasons(values={"amount": 4200.0}))
    '4,200'
    """
    if one.name not in reasons.values:
        return None
    value = reasons.values[one.name]
    if value is None:
        return "missing"
    return f"{value:,.12g}" if isinstance(value, float) else str(value)


def _why_differing(reasons: AnswerReasons) -> str:
    return f", for want of {reasons.unlearnt:,} outcomes that it had learnt" if reasons.unlearnt else ""


def _document(one: Contribution, reasons: AnswerReasons) -> dict[str, Any]:
    return {"name": one.name, "value": reasons.values.get(one.name), "added": one.added, "error": one.error}
