"""What a person orders: which records of a topic, and the rule by which they are changed, if any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from penstock.console.commands import repair_options
from penstock.console.failure import wrong_input
from penstock.contracts.records.repairs import DefectTopic, Rule, Selection

TOPICS: tuple[DefectTopic, ...] = get_args(DefectTopic)
WHERE = ("code", "field", "kind", "id", "since", "until")
CHANGES = ("rename", "cast", "set", "remove", "attribute")


@dataclass(frozen=True)
class RepairOrder:
    """The selected records, and the rule, which selects the same ones; None where they are released as they are."""

    topic: DefectTopic
    where: Selection
    rule: Rule | None

    @property
    def describes_all(self) -> bool:
        """Whether no record of the topic is left out."""
        return self.where == Selection()


def topic_of(name: str) -> DefectTopic:
    """The topic of that name.

    Raises:
        ConsoleFailure: there is none.
    """
    for topic in TOPICS:
        if topic == name:
            return topic
    raise wrong_input(f"{name!r} is neither of {', '.join(TOPICS)}")


def repair_order(fields: Mapping[str, str]) -> RepairOrder:
    """The order that the fields of the form are; several places, names or pairs stand a line each.

    Raises:
        ConsoleFailure: one of them is wrong.

    >>> repair_order({"topic": "rejected", "code": "wrong_type", "cast": "amount=number"}).rule.cast
    {'amount': 'number'}
    """
    given = {name: fields.get(name, "").strip() for name in WHERE}
    pairs = [f"{name}={text}" for name, text in given.items() if text]
    where = repair_options.selection(fields.get("at", "").split(), pairs)
    changes = [[line.strip() for line in fields.get(name, "").splitlines() if line.strip()] for name in CHANGES]
    rule = repair_options.rule(where, *changes)
    return RepairOrder(topic_of(fields.get("topic", "")), where, None if rule.changes_nothing else rule)
