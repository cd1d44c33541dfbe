"""What the jobs do: preview, release and drop, each of a bounded number of records."""

from __future__ import annotations

from penstock.bus.errors import TransientError
from penstock.console.failure import ConsoleFailure
from penstock.console.repair.assessed_pages import Run
from penstock.console.repair.defect_scan import DefectLog
from penstock.console.repair.drop import drop
from penstock.console.repair.edit import edit
from penstock.console.repair.release import preview, release
from penstock.console.repair.site import RepairSite
from penstock.console.web.repairs.repair_jobs import RepairJob, RepairResult
from penstock.contracts.records.repairs import DefectTopic, Rule

MOST_REPAIRED = 10_000  # records that one job looks at, or a page more


async def carry_out(site: RepairSite, job: RepairJob, reason: str) -> RepairResult:
    """Do what the job is for.

    Raises:
        ConsoleFailure: something is wrong with the order, or the registry, ingestion or the log do not answer.
    """
    try:
        return await _carry_out(site, job, reason)
    except TransientError as error:
        raise ConsoleFailure(f"the log does not answer: {error}; what was done is in the audit log") from error


async def _carry_out(site: RepairSite, job: RepairJob, reason: str) -> RepairResult:
    order = job.order
    run = Run(order.topic, order.where, job.show, most=MOST_REPAIRED)
    match job.step:
        case "preview":
            trial = Run(order.topic, order.where, job.show, trial=order.rule, most=MOST_REPAIRED)
            return RepairResult(tally=await preview(site, trial))
        case "release":
            changed = None if order.rule is None else await _put_in_force(site, order.topic, order.rule, reason)
            return RepairResult(tally=await release(site, run, reason), changed=changed)
        case "drop":
            return RepairResult(dropped=await drop(site, run, reason))


async def _put_in_force(site: RepairSite, topic: DefectTopic, rule: Rule, reason: str) -> int | None:
    """Put a rule in force; how many records it changes, None if it was in force before: then it changes them already.

    Raises:
        ConsoleFailure: it changes none.
    """
    journal = await DefectLog.of(site, topic).journal()
    if any(in_force.rule == rule for in_force in journal.rules.values()):
        return None
    return await edit(site, Run(topic), rule, reason)
