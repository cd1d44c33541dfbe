"""What is left of a stream's rejected records or dead letters: counts by code and field, and a page of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.console.repair.defect_scan import DefectLog
from penstock.console.repair.defects import Defect, Place
from penstock.console.repair.journal import Journal
from penstock.console.repair.partition_scan import OnRead
from penstock.console.repair.reasons import Reason, bounded_reason
from penstock.contracts.records.repairs import Selection


@dataclass
class ReasonCount:
    """How many records have one reason, and when (ms) the first and the last of them came."""

    count: int = 0
    first: int = 0
    last: int = 0

    def add(self, time: int) -> None:
        """Count a record."""
        self.first = min(self.first, time) if self.count else time
        self.last = max(self.last, time)
        self.count += 1


@dataclass
class Overview:
    """Counts of all that is left; `page` holds the first records after the place asked for, `has_more` if not all."""

    stream: str
    journal: Journal
    reasons: dict[Reason, ReasonCount] = field(default_factory=dict)
    page: list[Defect] = field(default_factory=list)
    has_more: bool = False

    @property
    def left(self) -> int:
        """How many records are left."""
        return sum(reason.count for reason in self.reasons.values())

    def by_count(self) -> list[tuple[Reason, ReasonCount]]:
        """The reasons, the most frequent first."""
        return sorted(self.reasons.items(), key=lambda item: (-item[1].count, item[0]))

    def add(self, defect: Defect, limit: int, after: Place | None) -> None:
        """Count a record, and show it if it is one of the page."""
        reason = bounded_reason(self.reasons, defect.code, defect.field or "")
        self.reasons.setdefault(reason, ReasonCount()).add(defect.time)
        if after is None or defect.place > after:
            if len(self.page) < limit:
                self.page.append(defect)
            else:
                self.has_more = True


async def overview(defects: DefectLog, where: Selection, limit: int, after: Place | None, on_read: OnRead) -> Overview:
    """Read what is left of the selected records."""
    journal = await defects.journal()
    result = Overview(defects.stream.name, journal)
    async for defect in defects.left(journal, where, on_read):
        result.add(defect, limit, after)
    return result
