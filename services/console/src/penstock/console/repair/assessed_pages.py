"""The assessment of the records that are left, page by page, and the count of what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from penstock.console.repair.accepted_names import accepted_names
from penstock.console.repair.assessment import Assessment, Assessor
from penstock.console.repair.defect_scan import DefectLog, pages
from penstock.console.repair.defects import Defect
from penstock.console.repair.partition_scan import ignore, running_total
from penstock.console.repair.reasons import Reason, bounded_reason
from penstock.console.repair.site import RepairSite
from penstock.contracts.records.repairs import DefectTopic, Rule, Selection

MOST_PASSED = 3  # examples of records that pass
MOST_RELEASED = 100_000  # records, or a page more: their names are kept in memory. The next release goes on behind them


@dataclass
class Tally:
    """How many records pass, are accepted already as equal ones, or are refused, by code and field.

    `examples` has the first refused record of each reason, `passed` the first that pass. `is_whole` says that every
    record was looked at: a run ends early when it has met `MOST_RELEASED` that pass, or as many as it may look at.
    """

    passing: int = 0
    duplicates: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    examples: dict[Reason, Assessment] = field(default_factory=dict)
    passed: list[Assessment] = field(default_factory=list)
    is_whole: bool = True

    @property
    def count(self) -> int:
        """How many records were looked at."""
        return self.passing + self.duplicates + self.refused.total()

    def add(self, assessment: Assessment) -> None:
        """Count one record."""
        if assessment.reason is None:
            self.passing += assessment.fate == "passes"
            self.duplicates += assessment.fate == "duplicate"
            if assessment.fate == "passes" and len(self.passed) < MOST_PASSED:
                self.passed.append(assessment)
        else:
            reason = bounded_reason(self.refused, assessment.reason.code, assessment.reason.field)
            self.refused[reason] += 1
            self.examples.setdefault(reason, assessment)


@dataclass(frozen=True)
class Run:
    """What a command looks at, and whom it tells how many records it has read.

    `trial` is a rule that is looked at as if it were in force. `most` bounds how many of the selected records are
    looked at, by whole pages; None: all.
    """

    topic: DefectTopic
    where: Selection = Selection()
    progress: Callable[[int], None] = ignore
    trial: Rule | None = None
    most: int | None = None


async def assessed_pages(site: RepairSite, run: Run, tally: Tally) -> AsyncIterator[list[Assessment]]:
    """The selected records that are left, each with what a release would do with it; `tally` is told if not all are."""
    await site.await_validated()
    defects = DefectLog.of(site, run.topic)
    journal = await defects.journal()
    if run.trial is not None:
        journal.put_on_trial(run.trial, site.now())
    assessor, released, seen = Assessor(site.stream, journal), 0, 0
    async with aclosing(pages(defects.left(journal, run.where, running_total(run.progress)))) as left:
        async for page in left:
            assessments = await assess(site, assessor, page)
            yield assessments
            released += sum(assessment.fate != "refused" for assessment in assessments)
            seen += len(page)
            if released >= MOST_RELEASED or (run.most is not None and seen >= run.most):
                tally.is_whole = False
                return


async def assess(site: RepairSite, assessor: Assessor, page: Sequence[Defect]) -> list[Assessment]:
    """What would become of each of these records, after those that the assessor has seen before."""
    now = site.now()
    checked = await asyncio.to_thread(assessor.check, page, now)  # of thousands of records
    wanted = assessor.wanted(checked, now)
    accepted = await accepted_names(site.log, site.namespace, site.stream, wanted) if wanted else {}
    return assessor.settle(checked, accepted)
