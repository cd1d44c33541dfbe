"""Repairs: what a person does to rejected records and dead letters, as the audit log keeps it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import UtcTimestamp

DefectTopic = Literal["rejected", "dead-letters"]
RepairStep = Literal["edited", "withdrawn", "began", "released", "dropped"]
Cast = Literal["number", "integer", "boolean", "text"]

ACTION_PREFIX = "repair."  # of the actions in the audit log
MOST_RECORDS = 100  # that one repair names
LONGEST_TEXT = 100_000  # characters of a record that was written anew

Place = Annotated[str, Field(pattern=r"^[0-9]{1,9}:[0-9]{1,18}$")]
"""Where a record lies on its topic, as `PARTITION:OFFSET`."""

Name = Annotated[str, Field(min_length=1, max_length=512)]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Selection(_Part):
    """Records for which all of this is so; `since` and `until` bound when they came to their topic."""

    at: Annotated[tuple[Place, ...], Field(max_length=MOST_RECORDS)] = ()
    code: Name | None = None
    field: str | None = None
    kind: Literal["event", "label", "unknown"] | None = None
    id: Name | None = None
    topic: Name | None = None
    since: UtcTimestamp | None = None
    until: UtcTimestamp | None = None


class Rule(_Part):
    """An edit of the records that `where` selects.

    Either `text` is the whole record, or fields of its data are renamed, cast, set and removed, in this order, and
    attributes of its envelope are set (None: removed).
    """

    where: Selection = Selection()
    rename: dict[Name, Name] = {}
    cast: dict[Name, Cast] = {}
    set: dict[Name, bool | int | float | str | None] = {}
    remove: tuple[Name, ...] = ()
    attributes: dict[Name, str | None] = {}
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether it holds no edit."""
        return self == Rule(where=self.where)


class RepairedRecord(_Part):
    """A record on the topic, and digests (BLAKE2b, 16 bytes, hex) of its bytes there and as they are released.

    `name` and `operation` are those of the operation that it is released as.
    """

    at: Place
    id: Annotated[str, Field(max_length=512)] = ""
    old: Digest
    new: Digest = ""
    name: Digest = ""
    operation: Digest = ""


class Repair(_Part):
    """One step: `edited` by a rule, a rule `withdrawn`, a release that `began` and what it `released`, or `dropped`.

    `batch` is shared by the two steps of a release; `kept` are the places of its records that were refused after all.
    `rule_number` is the number of the audit entry with the rule, `changed` how many records a rule changed when it was
    made, of which `records` names the first.
    """

    topic: DefectTopic
    step: RepairStep
    reason: Annotated[str, Field(max_length=1000)] = ""
    rule: Rule | None = None
    rule_number: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    batch: Annotated[str, Field(max_length=64)] = ""
    records: Annotated[tuple[RepairedRecord, ...], Field(max_length=MOST_RECORDS)] = ()
    changed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    kept: Annotated[tuple[Place, ...], Field(max_length=MOST_RECORDS)] = ()

    @property
    def action(self) -> str:
        """The action of its entry in the audit log."""
        return ACTION_PREFIX + self.step
