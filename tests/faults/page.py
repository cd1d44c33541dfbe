"""The page docs/faults.md: what many runs tried, and what came of them. Each of its two halves is written alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.life import POINTS
from tests.faults.simulation import ALL_KINDS, STEPS, Run, failure_text

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
LIVE = "## Real processes, a real broker"
"""The heading of the second half."""

POINT_NAMES = tuple(f"{service}: {point}" for service, points in POINTS.items() for point in points)


def write_simulated(text: str) -> None:
    """Replace the first half of the page."""
    _, heading, live = PAGE.read_text().partition(LIVE)
    PAGE.write_text(f"{text.rstrip()}\n\n{heading}{live}")


def write_live(text: str) -> None:
    """Replace the second half of the page, below its heading."""
    simulated, _, _ = PAGE.read_text().partition(LIVE)
    PAGE.write_text(f"{simulated.rstrip()}\n\n{LIVE}\n\n{text}")


def page(
    runs: Sequence[Run], histories: int, history_failure: str | None, planted: Mapping[str, tuple[str, str]]
) -> str:
    """The first half as text; `planted` are by bug the invariant that must find it, and where it did."""
    kinds, reached, counts = totals(runs)
    failed = [run for run in runs if run.violations]
    return "\n".join(
        [
            "# Faults",
            "",
            "Written by `make faults`: all seven services in one process on the memory log, under seeded faults, "
            "judged from their outputs ([decision](decisions/0028-faults-are-simulated-by-seed.md)).",
            "",
            f"{len(runs):,} seeds of {STEPS} steps: {len(failed)} failed. {histories:,} generated histories of events "
            f"and labels: {'all hold' if history_failure is None else 'one fails'}.",
            "",
            "Tried: I1 to I6 and I8 to I10. I7, I11 and I12 have no evidence in one process.",
            "",
            *(f"- {failure_text(run)}" for run in failed),
            *([] if history_failure is None else ["```text", history_failure, "```"]),
            "| planted bug | must be found by | found in |",
            "|---|---|---|",
            *(f"| {bug} | {invariant} | {where} |" for bug, (invariant, where) in planted.items()),
            "",
            *_table("seen", counts, list(counts)),
            *_table("step", kinds, list(ALL_KINDS)),
            *_table("crash point", reached, POINT_NAMES),
        ]
    )


def totals(runs: Sequence[Run]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Over all runs: kinds of steps, crash points reached, and what was seen."""
    kinds, reached, counts = Counter[str](), Counter[str](), Counter[str]()
    for run in runs:
        kinds.update(run.kinds)
        reached.update(run.reached)
        counts.update(run.counts)
    return kinds, reached, counts


def _table(title: str, counts: Mapping[str, int], names: Sequence[str]) -> list[str]:
    return [
        f"| {title} | times |",
        "|---|---|",
        *(f"| {name} | {counts.get(name, 0):,} |" for name in names),
        "",
    ]
