"""The second half of docs/faults.md: what was tried on real processes, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from tests.faults.live.case import LIMITS_S, Case, Result

NOT_RUN = ""


def live_section(cases: Sequence[Case], results: Sequence[Result]) -> str:
    """The section as text."""
    return "\n".join([*_rows(cases, results), "", *_failures(results), *_times(results), ""])


def _rows(cases: Sequence[Case], results: Sequence[Result]) -> Iterator[str]:
    by_row: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_row[result.row].append(result)
    yield "| fault | layer | cases | run | held | later than promised |"
    yield "|---|---|---|---|---|---|"
    for row in dict.fromkeys(case.row for case in cases):
        found, of_row = by_row[row], [case for case in cases if case.row == row]
        held, late = sum(result.holds for result in found), sum(result.is_late for result in found)
        yield f"| {row} | {of_row[0].layer} | {len(of_row)} | {len(found)} | {held} | {late} |"


def _failures(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        if not result.holds:
            yield f"- {result.row}, {result.name}: {result.failure or result.violations}"


def _times(results: Sequence[Result]) -> Iterator[str]:
    yield "| hurt | cases | median recovery (s) | longest (s) | promised (s) |"
    yield "|---|---|---|---|---|"
    for hurt in dict.fromkeys(result.hurt for result in results):
        times = [result.recovery_s for result in results if result.hurt == hurt and result.recovery_s is not None]
        if times:
            promised = f"{LIMITS_S[hurt]:g}" if hurt in LIMITS_S else "-"
            yield f"| {hurt} | {len(times)} | {median(times):.1f} | {max(times):.1f} | {promised} |"
