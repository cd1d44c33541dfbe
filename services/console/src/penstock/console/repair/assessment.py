"""What would become of each record if it were released now: preview and release both go by this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from penstock.console.record_refusal import RefusalReason
from penstock.console.repair.accepted_names import Wanted
from penstock.console.repair.defects import Defect
from penstock.console.repair.journal import Journal
from penstock.console.repair.rules import edited
from penstock.contracts.ids import blake2b_digest
from penstock.contracts.operations import EVENT_WINDOW, conflict_of
from penstock.contracts.records.events import LABEL_TYPE
from penstock.contracts.records.repairs import RepairedRecord
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.admission import Admission, AdmittedRecord
from penstock.ingestion.limits import LIMITS

Fate = Literal["passes", "duplicate", "refused"]

CLOCK_MARGIN = timedelta(hours=1)  # how far the clocks of the registry and of the broker may be apart
_REQUIRED = ("specversion", "type", "source", "id", "time")


class Assessment(Struct, frozen=True):
    """Of one record: its bytes after the edits, and whether it `passes`, or why it is `refused`.

    A `duplicate` is accepted already, as an equal record under its name: to release it is to send nothing.
    """

    defect: Defect
    value: bytes
    fate: Fate
    kind: Literal["event", "label"]
    reason: RefusalReason | None = None
    admitted: AdmittedRecord | None = None

    @property
    def is_edited(self) -> bool:
        """Whether a rule changed it."""
        return self.value != one_line(self.defect.original or b"")

    @property
    def repaired(self) -> RepairedRecord:
        """The record as the journal names it."""
        operation = None if self.admitted is None else self.admitted.operation
        return RepairedRecord(
            at=str(self.defect.place),
            id=self.defect.id if self.admitted is None else self.admitted.id,
            old=self.defect.digest,
            new=blake2b_digest(self.value).hex(),
            name="" if operation is None else operation.name.hex(),
            operation="" if operation is None else operation.digest.hex(),
        )


class Assessor:
    """Assesses the records of one run, in the order in which they would be sent.

    It remembers the names of those that pass: of two records with one name the second is a duplicate or a conflict.
    """

    def __init__(self, stream: StreamDeclared, journal: Journal) -> None:
        self._stream = stream
        self._journal = journal
        self._admission = Admission(stream, LIMITS)
        self._names = dict(journal.released)

    def check(self, defects: Sequence[Defect], now: datetime) -> list[Assessment]:
        """Check records by themselves, by the rules in force and the present declaration."""
        rules = [in_force.rule for in_force in self._journal.rules_at_work()]
        values = [one_line(edited(defect, rules)) for defect in defects]
        kinds = [_kind_of(value) for value in values]
        verdicts: dict[int, AdmittedRecord | Refusal] = {}
        for kind in ("event", "label"):
            indices = [index for index, other in enumerate(kinds) if other == kind]
            documents = [values[index] for index in indices]
            verdicts |= zip(indices, self._admission.admit(kind, documents, now), strict=True)
        return [
            _assessment(defect, values[index], kinds[index], verdicts[index]) for index, defect in enumerate(defects)
        ]

    def wanted(self, assessments: Iterable[Assessment], now: datetime) -> dict[bytes, Wanted]:
        """The names that must be looked for among what was accepted."""
        wanted = {}
        windows = {"event": EVENT_WINDOW, "label": self._stream.declaration.label.horizon}
        for assessment in assessments:
            admitted = assessment.admitted
            if admitted is not None and admitted.operation.name not in self._names:
                since = _milliseconds(now - windows[assessment.kind])
                begun = self._journal.unfinished.get(admitted.operation.name)
                if begun is not None:
                    since = min(since, begun - CLOCK_MARGIN // timedelta(milliseconds=1))
                wanted[admitted.operation.name] = Wanted(assessment.kind, admitted.key, since)
        return wanted

    def settle(self, assessments: Iterable[Assessment], accepted: Mapping[bytes, bytes]) -> list[Assessment]:
        """The assessments in the light of what was accepted, and of the records before each."""
        return [
            assessment
            if assessment.admitted is None
            else self._settle(assessment, assessment.admitted, accepted.get(assessment.admitted.operation.name))
            for assessment in assessments
        ]

    def _settle(self, assessment: Assessment, admitted: AdmittedRecord, accepted: bytes | None) -> Assessment:
        name, digest = admitted.operation.name, admitted.operation.digest
        first = accepted or self._names.get(name)
        if first is None:
            self._names[name] = digest
            return assessment
        if first == digest:
            return replace(assessment, fate="duplicate")
        reason = _reason(conflict_of(self._stream.declaration, admitted.record))
        return replace(assessment, fate="refused", reason=reason)


def _assessment(
    defect: Defect, value: bytes, kind: Literal["event", "label"], verdict: AdmittedRecord | Refusal
) -> Assessment:
    reason = _unfit(defect, value)
    if reason is None and isinstance(verdict, Refusal):
        reason = _reason(verdict)
    if reason is not None or isinstance(verdict, Refusal):
        return Assessment(defect, value, "refused", kind, reason)
    return Assessment(defect, value, "passes", kind, None, verdict)


def _reason(refusal: Refusal) -> RefusalReason:
    return RefusalReason(refusal.code, refusal.field or "", refusal.detail)


def _unfit(defect: Defect, value: bytes) -> RefusalReason | None:
    """Why a record cannot be released whatever it says: it is not a producer's, or is shorthand.

    Ingestion would fill shorthand up, with the present time; a released record has its own id and time.
    """
    if defect.topic != RECEIVED.short_name:
        return RefusalReason("not_received", "", f"it was read from {defect.topic}, where only services write")
    try:
        members = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(members, dict):
        for name in _REQUIRED:
            if name not in members:
                return RefusalReason("missing_field", name, f"a record that is released has its own {name}")
    return None


def _kind_of(value: bytes) -> Literal["event", "label"]:
    try:
        members = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "event"
    return "label" if isinstance(members, dict) and members.get("type") == LABEL_TYPE else "event"


def one_line(value: bytes) -> bytes:
    """The record on one line, as it is sent. JSON has line breaks between its tokens only."""
    return value.replace(b"\r", b" ").replace(b"\n", b" ")


def _milliseconds(time: datetime) -> int:
    return int(time.astimezone(UTC).timestamp() * 1000)
