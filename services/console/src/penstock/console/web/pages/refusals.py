"""What a stream did not take in: rejected records or dead letters that are left, by reason, and the newest of them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.console.repair.defect_scan import DefectLog
from penstock.console.repair.defects import Defect
from penstock.console.repair.journal import Journal
from penstock.console.repair.overview import Overview as Left
from penstock.console.repair.overview import ReasonCount
from penstock.console.repair.reasons import Reason
from penstock.console.views.repair_tables import rule_line
from penstock.console.web.sources import Sources
from penstock.contracts.records.repairs import DefectTopic, Selection
from penstock.contracts.records.streams import StreamDeclared

MOST_COUNTED = 50_000  # records of the topic, over its partitions
SHOWN = 20


@dataclass(frozen=True)
class RefusedPage:
    """Of the `looked_at` newest of `total` records on the topic, those that are left: by reason, and the newest."""

    declared: StreamDeclared
    topic: DefectTopic
    reasons: Sequence[tuple[Reason, ReasonCount]]
    left: int
    newest: Sequence[Defect]
    rules: Sequence[str]
    released: int
    dropped: int
    looked_at: int
    total: int


async def read_refused(sources: Sources, name: str, topic: DefectTopic) -> RefusedPage:
    """The page of one of the two topics.

    Raises:
        PageMissing: no stream of that name is declared.
        TransientError: the log does not answer.
    """
    declared, _ = sources.stream(name)
    whole = DefectLog(sources.log, sources.namespace, declared, topic)
    part = DefectLog(sources.log, sources.namespace, declared, topic, MOST_COUNTED // len(whole.partitions))
    journal: Journal = await part.journal()
    left = Left(name, journal)
    newest: dict[int, deque[Defect]] = defaultdict(lambda: deque(maxlen=SHOWN))
    async for defect in part.left(journal, Selection()):
        left.add(defect, 0, None)
        newest[defect.place.partition].append(defect)
    shown = sorted(
        (defect for defects in newest.values() for defect in defects),
        key=lambda defect: (defect.time, defect.place),
        reverse=True,
    )
    return RefusedPage(
        declared=declared,
        topic=topic,
        reasons=left.by_count(),
        left=left.left,
        newest=shown[:SHOWN],
        rules=[rule_line(in_force) for in_force in journal.rules_at_work()],
        released=journal.released_count,
        dropped=journal.dropped_count,
        looked_at=await part.count(),
        total=await whole.count(),
    )
