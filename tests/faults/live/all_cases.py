"""All cases, so ordered that in any length of time each row gets its share; those on small disks come last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tests.faults.live.case import Case
from tests.faults.live.rows import broker, clients, crash_points, disk, lost_answers, network


def _by_share(cases: Iterable[Case]) -> list[Case]:
    rows: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        rows[case.row].append(case)
    shares = [(number / len(row), case) for row in rows.values() for number, case in enumerate(row)]
    return [case for _, case in sorted(shares, key=lambda share: (share[1].on_small_disks, share[0]))]


SUBJECTS = (crash_points, broker, network, disk, lost_answers, clients)
CASES = tuple(_by_share(case for subject in SUBJECTS for case in subject.CASES))
