"""Preview and release: one assessment of the records that are left; release then sends those that pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.console.record_refusal import RefusalReason
from penstock.console.repair.assessed_pages import Run, Tally, assessed_pages
from penstock.console.repair.assessment import Assessment
from penstock.console.repair.site import RepairSite
from penstock.contracts.ids import derived_id
from penstock.contracts.records.repairs import MOST_RECORDS, DefectTopic, Repair

BATCH_BYTES = 8 << 20  # of records that are sent together


async def preview(site: RepairSite, run: Run) -> Tally:
    """How many of the selected records would be released now, and why not the others. Nothing is changed."""
    tally = Tally()
    async for page in assessed_pages(site, run, tally):
        for assessment in page:
            tally.add(assessment)
    return tally


async def release(site: RepairSite, run: Run, reason: str) -> Tally:
    """Send those of the selected records that pass, under their own ids and times; as `preview` counts them.

    A batch is noted in the audit log before it is sent, and again when ingestion has taken it. What was cut short
    between the two is looked for on the log by the next release, however late: nothing is sent twice.
    """
    tally = Tally()
    async for page in assessed_pages(site, run, tally):
        for batch in _batches(page):
            kept = await _release_batch(site, run.topic, batch, reason)
            for assessment in batch:
                tally.add(kept.get(str(assessment.defect.place), assessment))
        for assessment in page:
            if assessment.fate == "refused":
                tally.add(assessment)
    await site.await_validated()
    return tally


def _batches(page: Sequence[Assessment]) -> Iterator[list[Assessment]]:
    """Those to be released, in batches of bounded size."""
    batch: list[Assessment] = []
    size = 0
    for assessment in page:
        if assessment.fate == "refused":
            continue
        if batch and (len(batch) == MOST_RECORDS or size + len(assessment.value) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(assessment)
        size += len(assessment.value)
    if batch:
        yield batch


async def _release_batch(
    site: RepairSite, topic: DefectTopic, batch: Sequence[Assessment], reason: str
) -> dict[str, Assessment]:
    """Release a batch; those that ingestion refused after all, by their place."""
    records = tuple(assessment.repaired for assessment in batch)
    places = [part for record in records for part in (record.at, record.old, record.new)]
    number = derived_id("repair", site.stream.name, topic, *places)
    await site.record(Repair(topic=topic, step="began", reason=reason, batch=number, records=records))
    kept: dict[str, Assessment] = {}
    for kind in ("event", "label"):
        passing = [assessment for assessment in batch if assessment.kind == kind and assessment.fate == "passes"]
        refusals = await site.send(kind, [assessment.value for assessment in passing]) if passing else []
        for refusal in refusals:
            assessment = passing[refusal.index]
            kept[str(assessment.defect.place)] = _refused(assessment, refusal.reason)
    await site.record(Repair(topic=topic, step="released", batch=number, kept=tuple(kept)))
    return kept


def _refused(assessment: Assessment, reason: RefusalReason) -> Assessment:
    return Assessment(assessment.defect, assessment.value, "refused", assessment.kind, reason)
