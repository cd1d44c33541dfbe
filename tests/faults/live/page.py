"""The second half of docs/faults.md: what was tried on real processes, and what came of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from tests.faults.live.case import Case, Result

INTRODUCTION = """\
Written by `python -m tests.faults.live`, the second half of `make faults`: deployments with a real broker
and two scorers, a stream for each case, and the checker of the simulation
([decision](decisions/0068-faults-of-real-processes.md)). Events and labels flow over HTTP before, during and after each
fault, and what has an unknown outcome is sent again; where a model is trained meanwhile, a person takes it back. I7
counts whatever HTTP predict answers but a prediction, and the 503 that P2 promises while the log confirms nothing.
"""

ELSEWHERE = """\
Of the fault matrix these are not here:

- An exception at each crash point, generated histories, damaged models: the simulation above.
- Poison records and damaged packages in all their kinds: `tests/inputs`. Versions N and N-1: one upgrade of a home
  under traffic, `tests/end_to_end/test_home_upgrade.py`; not in sampled orders.
- The registry on PostgreSQL: none is brought along. SQLite that is down, slow or read-only: it has no server that
  could be, and a test that may mount may also write. A database from an older backup: not staged.
- EIO of a disk: needs a device that fails, so rights that a test has not.
- Clocks that jump: the processes read the machine's, which is not ours to set.
- A rebalance storm of 4 consumers, 8 partitions and 20,000 events: here two scorers, two partitions, and as many
  events as come in the time of ten kills.
- 3x overload for 5 minutes: 200 clients without a pause for one minute, on the cores of the deployment, send no more
  than it takes, so that is no overload.
- A reply of the database that is lost: SQLite has no network. A kill after its commit is among the named points, and
  so is the loss of whatever the broker answers (a blackhole from the broker).
- Memory, descriptors and tasks over 10,000 swaps (I12), files outside of the folders and secrets in logs (I11).
- Whatever needs identity (four eyes, tokens, quotas): Penstock has none yet.
"""


def live_section(cases: Sequence[Case], results: Sequence[Result], of_this_product: int) -> str:
    """The section as text; so many of the results are of the product as it is, the others of earlier ones."""
    parts = (_age(results, of_this_product), _rows(cases, results), _failures(results), _times(results), [ELSEWHERE])
    return "\n".join([INTRODUCTION, *(line for part in parts for line in [*part, ""])]).rstrip() + "\n"


def _age(results: Sequence[Result], of_this_product: int) -> Iterator[str]:
    earlier, shared = len(results) - of_this_product, sum(bool(result.beside) for result in results)
    yield (
        f"{of_this_product} of these results are of the product as it was when this was written, {earlier} of the code "
        f"before its last changes. {shared} cases were tried beside others, whose faults hurt other services."
    )


def _rows(cases: Sequence[Case], results: Sequence[Result]) -> Iterator[str]:
    by_row: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_row[result.row].append(result)
    yield "| fault | layer | cases | run | held | what failed |"
    yield "|---|---|---|---|---|---|"
    for row in dict.fromkeys(case.row for case in sorted(cases, key=lambda case: case.layer)):
        found, of_row = by_row[row], [case for case in cases if case.row == row]
        held = sum(result.holds for result in found)
        yield f"| {row} | {of_row[0].layer} | {len(of_row)} | {len(found)} | {held} | {_what_failed(found)} |"
    yield f"| all | | {len(cases)} | {len(results)} | {sum(result.holds for result in results)} | |"


def _what_failed(results: Iterable[Result]) -> str:
    failed = Counter(name for result in results for name in result.violations or {result.failure} if name)
    return ", ".join(f"{name} ({count})" for name, count in failed.items())


def _failures(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        if not result.holds:
            company = f", beside {'; '.join(result.beside)}" if result.beside else ""
            yield f"- {result.row}, {result.name}{company}: `{result.violations or result.failure}`"


def _times(results: Sequence[Result]) -> Iterator[str]:
    loads = [result.load for result in results]
    if not loads:
        return
    yield (
        "How long it took from the end of a fault until what was hurt had done all that was there then; P8 promises it "
        f"of a kill. The machine, of two cores, had a load of {min(loads):.0f} to {max(loads):.0f} meanwhile, where "
        "whatever starts has to wait. What is killed twice within a minute is started again more slowly by design.\n"
    )
    yield "| fault | hurt | cases | median (s) | longest (s) | promised (s) | later |"
    yield "|---|---|---|---|---|---|---|"
    for row, hurt in sorted({(result.row, result.hurt) for result in results}):
        same = [result for result in results if (result.row, result.hurt) == (row, hurt)]
        times = [result.recovery_s for result in same if result.recovery_s is not None]
        if times:
            limit, late = same[0].limit_s, sum(result.is_late for result in same)
            promised = "-" if limit is None else f"{limit:g}"
            yield f"| {row} | {hurt} | {len(times)} | {median(times):.1f} | {max(times):.1f} | {promised} | {late} |"
