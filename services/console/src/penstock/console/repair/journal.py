"""The journal of a stream's repairs: rules in force, records that are released or dropped, releases cut short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from penstock.bus.ports import Log
from penstock.console.log_client import read_control_topic
from penstock.console.repair.defects import Defect
from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.repairs import ACTION_PREFIX, DefectTopic, Repair, RepairedRecord, Rule
from penstock.contracts.topics import AUDIT

ON_TRIAL = 0  # the number of a rule that no audit entry has


@dataclass(frozen=True)
class RuleInForce:
    """A rule, the number of its audit entry, and who made it, when and why."""

    number: int
    rule: Rule
    by: str
    time: datetime
    reason: str


class Journal:
    """What was done to the records of one topic of one stream, folded from the audit log.

    It holds a few hundred bytes for each record that was ever released or dropped.

    Attributes:
        rules: in force, by number, in the order in which they apply.
        released: the digest of the operation that was released under each name.
        unfinished: since when (ms) a release of this name has begun that did not end.
    """

    def __init__(self, stream: str, topic: DefectTopic) -> None:
        self.rules: dict[int, RuleInForce] = {}
        self.released: dict[bytes, bytes] = {}
        self.unfinished: dict[bytes, int] = {}
        self.released_count = self.dropped_count = 0
        self._stream = stream
        self._topic = topic
        self._done: dict[str, str] = {}
        self._begun: dict[str, tuple[RepairedRecord, ...]] = {}

    def put_on_trial(self, rule: Rule, now: datetime) -> None:
        """Take a rule as if it were in force, behind all others."""
        self.rules[ON_TRIAL] = RuleInForce(ON_TRIAL, rule, "", now, "")

    def rules_at_work(self) -> list[RuleInForce]:
        """The rules that can still change a record: without those for records that are all done."""
        return [
            in_force
            for in_force in self.rules.values()
            if not in_force.rule.where.at or any(at not in self._done for at in in_force.rule.where.at)
        ]

    def is_done(self, defect: Defect) -> bool:
        """Whether the record was released or dropped. If the topic was made anew, another one lies at its place."""
        digest = self._done.get(str(defect.place))
        return digest is not None and digest == defect.digest

    def apply(self, entry: AuditEntry) -> None:
        """Take in an entry of the audit log, in order."""
        if entry.subject != self._stream or not entry.action.startswith(ACTION_PREFIX):
            return
        try:
            repair = Repair.model_validate(entry.detail)
        except ValidationError:  # of a newer version: what it did not understand it must not undo
            return
        if repair.topic == self._topic:
            self._apply_repair(repair, entry)

    def _apply_repair(self, repair: Repair, entry: AuditEntry) -> None:
        if repair.step == "edited" and repair.rule is not None:
            self.rules[entry.number] = RuleInForce(entry.number, repair.rule, entry.actor, entry.time, repair.reason)
        elif repair.step == "withdrawn" and repair.rule_number is not None:
            self.rules.pop(repair.rule_number, None)
        elif repair.step == "dropped":
            self.dropped_count += len(repair.records)
            self._done |= {record.at: record.old for record in repair.records}
        elif repair.step == "began":
            self._begin(repair, int(entry.time.timestamp() * 1000))
        elif repair.step == "released":
            self._end(repair)

    def _begin(self, repair: Repair, time: int) -> None:
        self._begun[repair.batch] = repair.records
        for record in repair.records:
            self.unfinished.setdefault(bytes.fromhex(record.name), time)

    def _end(self, repair: Repair) -> None:
        for record in self._begun.pop(repair.batch, ()):
            name = bytes.fromhex(record.name)
            self.unfinished.pop(name, None)
            if record.at not in repair.kept:
                self.released_count += 1
                self._done[record.at] = record.old
                self.released.setdefault(name, bytes.fromhex(record.operation))


async def read_journal(log: Log, namespace: str, stream: str, topic: DefectTopic) -> Journal:
    """The journal as the audit log has it now."""
    journal = Journal(stream, topic)
    await read_control_topic(log, namespace, AUDIT, journal.apply)
    return journal
