"""Looking at one record: as it lies on its topic, as the rules make it, and what a release would do with it."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.console.failure import wrong_input
from penstock.console.repair.assessed_pages import assess
from penstock.console.repair.assessment import Assessment, Assessor
from penstock.console.repair.defect_scan import DefectLog
from penstock.console.repair.defects import Place
from penstock.console.repair.site import RepairSite
from penstock.contracts.records.repairs import DefectTopic


@dataclass(frozen=True)
class Inspection:
    """A record, and whether it was released or dropped already."""

    assessment: Assessment
    is_done: bool


async def inspect(site: RepairSite, topic: DefectTopic, place: Place) -> Inspection:
    """The record at a place.

    Raises:
        ConsoleFailure: there is none.
    """
    defects = DefectLog.of(site, topic)
    defect = await defects.find(place)
    if defect is None:
        command = f"penstock {topic} list {site.stream.name}"
        raise wrong_input(f"there is no record at {place} of {site.stream.name}'s {topic}; see: {command}")
    journal = await defects.journal()
    (assessment,) = await assess(site, Assessor(site.stream, journal), [defect])
    return Inspection(assessment, journal.is_done(defect))
