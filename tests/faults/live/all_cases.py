"""All cases, so ordered that in any length of time each row gets its share; those on small disks come last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tests.faults.live.case import Case
from tests.faults.live.rows import broker, clients, crash_points, disk, lost_answers, network

TOGETHER = 4  # cases at most that are tried at the same time on one deployment


def _by_share(cases: Iterable[Case]) -> list[Case]:
    rows: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        rows[case.row].append(case)
    shares = [(number / len(row), case) for row in rows.values() for number, case in enumerate(row)]
    return [case for _, case in sorted(shares, key=lambda share: (share[1].on_small_disks, share[0]))]


SUBJECTS = (crash_points, broker, network, disk, lost_answers, clients)
CASES = tuple(_by_share(case for subject in SUBJECTS for case in subject.CASES))


def companies(cases: Iterable[Case]) -> list[tuple[Case, ...]]:
    """Cases that are tried at the same time: each hurts another service; of one row, which take equally long, first."""
    waiting, found = list(cases), list[tuple[Case, ...]]()
    while waiting:
        first, *others = waiting
        company = [first]
        for case in sorted(others, key=lambda case: case.row != first.row):
            if len(company) < TOGETHER and all(_may_share(case, member) for member in company):
                company.append(case)
        waiting = [case for case in waiting if case not in company]
        found.append(tuple(company))
    return found


def _may_share(case: Case, other: Case) -> bool:
    is_shared = not case.is_alone and not other.is_alone
    return is_shared and case.hurt != other.hurt and case.on_small_disks == other.on_small_disks
