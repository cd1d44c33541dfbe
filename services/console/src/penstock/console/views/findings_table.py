"""The findings of `penstock doctor`, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.text import Text

from penstock.console.doctor.finding import Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def finding_lines(findings: Mapping[str, Finding]) -> Iterator[Text]:
    """First how many faults there are, then a line for each check, the faults last with what to do."""
    yield Text(summary(findings), style=COLOURS[worst(findings)])
    for outcome, colour in COLOURS.items():
        for name, finding in findings.items():
            if finding.outcome == outcome:
                yield Text.assemble((f"{outcome:5}", colour), f"{name}: {finding.found}")
                if finding.advice:
                    yield Text(f"     → {finding.advice}")


def summary(findings: Mapping[str, Finding]) -> str:
    """How many checks failed, or warn.

    >>> summary({"disk": Finding("ok", ""), "ports": Finding("warn", "")})
    '2 checks: none failed, 1 warns.'
    """
    counts = Counter(finding.outcome for finding in findings.values())
    warns = f", {counts['warn']} warn{'s' if counts['warn'] == 1 else ''}" if counts["warn"] else ""
    return f"{len(findings)} checks: {counts['fail'] or 'none'} failed{warns}."


def worst(findings: Mapping[str, Finding]) -> str:
    """The worst outcome."""
    outcomes = {finding.outcome for finding in findings.values()}
    return next(outcome for outcome in ("fail", "warn", "ok") if outcome in outcomes or outcome == "ok")


def findings_document(findings: Mapping[str, Finding]) -> dict[str, Any]:
    """The findings by check, and the worst outcome, as JSON takes them."""
    return {"outcome": worst(findings), "checks": {name: asdict(finding) for name, finding in findings.items()}}
