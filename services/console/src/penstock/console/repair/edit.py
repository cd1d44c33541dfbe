"""Editing records by a rule, and withdrawing one: noted in the audit log, applied whenever the records are read."""

from __future__ import annotations

from penstock.console.failure import wrong_input
from penstock.console.repair.assessed_pages import Run
from penstock.console.repair.defect_scan import DefectLog
from penstock.console.repair.rules import edited
from penstock.console.repair.site import RepairSite
from penstock.contracts.ids import blake2b_digest
from penstock.contracts.records.repairs import MOST_RECORDS, DefectTopic, Repair, RepairedRecord, Rule


async def edit(site: RepairSite, run: Run, rule: Rule, reason: str) -> int:
    """Put a rule in force; how many of the records that are left it changes.

    The audit entry names the first of them with the digests of their bytes before and after.

    Raises:
        ConsoleFailure: it changes none.
    """
    defects = DefectLog.of(site, run.topic)
    journal = await defects.journal()
    before = [in_force.rule for in_force in journal.rules.values()]
    changed = 0
    records: list[RepairedRecord] = []
    async for defect in defects.left(journal, rule.where):
        new = edited(defect, [*before, rule])
        if new == edited(defect, before):
            continue
        changed += 1
        run.progress(changed)
        if len(records) < MOST_RECORDS:
            digest = blake2b_digest(new).hex()
            records.append(RepairedRecord(at=str(defect.place), id=defect.id, old=defect.digest, new=digest))
    if not changed:
        raise wrong_input("no record that is left would be changed by this; nothing was noted")
    await site.record(
        Repair(topic=run.topic, step="edited", reason=reason, rule=rule, records=tuple(records), changed=changed)
    )
    return changed


async def withdraw(site: RepairSite, topic: DefectTopic, number: int, reason: str) -> None:
    """End a rule: records are read without it from now on.

    Raises:
        ConsoleFailure: no such rule is in force.
    """
    journal = await DefectLog.of(site, topic).journal()
    if number not in journal.rules:
        in_force = ", ".join(map(str, journal.rules)) or "none"
        raise wrong_input(f"no rule {number} is in force for {site.stream.name}; in force: {in_force}")
    await site.record(Repair(topic=topic, step="withdrawn", reason=reason, rule_number=number))
