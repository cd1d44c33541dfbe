"""Dropping records: noted in the audit log with the reason, and listed no more."""

from __future__ import annotations

from penstock.console.repair.assessed_pages import Run
from penstock.console.repair.defect_scan import DefectLog, chunks, pages
from penstock.console.repair.site import RepairSite
from penstock.contracts.records.repairs import MOST_RECORDS, Repair, RepairedRecord


async def drop(site: RepairSite, run: Run, reason: str) -> int:
    """Note of the selected records that they are dropped, and why; how many they were."""
    defects = DefectLog.of(site, run.topic)
    journal = await defects.journal()
    dropped = 0
    async for page in pages(defects.left(journal, run.where)):
        for chunk in chunks(page, MOST_RECORDS):
            records = tuple(RepairedRecord(at=str(d.place), id=d.id, old=d.digest) for d in chunk)
            await site.record(Repair(topic=run.topic, step="dropped", reason=reason, records=records))
            dropped += len(records)
            run.progress(dropped)
        if run.most is not None and dropped >= run.most:
            break
    return dropped
