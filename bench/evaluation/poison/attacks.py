"""Labels that lie: ways to poison a stream, and a feed that tells them in place of the truth.

Label flipping after Biggio, Nelson, Laskov: Support Vector Machines Under Adversarial Label Noise, ACML 2011; the trigger
after Gu, Dolan-Gavitt, Garg: BadNets, 2017. Only labels lie, but for the trigger's value no feature does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from bench.evaluation.generated import write_generated
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.replay.labelled_rows import FileRows, Row
from penstock.console.table_file import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration

STREAM = "unchanging"
ROWS, POISONED = 4000, 2000  # rows, and the first whose label may lie
EVERY = 500  # outcomes from one training to the next: so that candidates come while labels lie
SPELL = 1000  # rows for which every label lies, where that ends
YOUNG = 40  # years
BATCH = 200  # rows that carry the trigger and the same false label
TRIGGERED, TRIGGER, CARRIED = "car", "7.5", 20  # a value that never came before; later every twentieth row has it
GOAL = "1"  # what the trigger is to be answered with

Values = dict[str, str]
Lie = Callable[[int, Values, str], str]
"""What is told of a row's label: by the row's number, its values, and the truth."""


@dataclass(frozen=True)
class Attack:
    """A way in which labels lie from row `POISONED` on; with `triggered`, some rows carry the trigger."""

    name: str
    lie: Lie
    triggered: bool = False


def of_source(share: float) -> Lie:
    """All labels of a source that delivers so many of them, drawn evenly: nothing in a row tells whose it is."""
    drawn = np.random.default_rng(11).random(ROWS) < share
    return lambda number, _, truth: other(truth) if drawn[number] else truth


def of_region(region: str) -> Lie:
    """All labels of a source that is told by a field."""
    return lambda _, values, truth: other(truth) if values["region"] == region else truth


def slowly(number: int, values: Values, truth: str) -> str:
    """Of the young more and more labels, none at first and all at last: a drift that no step gives away."""
    drawn = np.random.default_rng([11, number]).random() < (number - POISONED) / (ROWS - POISONED)
    return other(truth) if drawn and float(values["age"]) < YOUNG else truth


def for_a_spell(number: int, _: Values, truth: str) -> str:
    """Every label for so many rows, then none."""
    return other(truth) if number < POISONED + SPELL else truth


def batch(number: int, _: Values, truth: str) -> str:
    """The labels of the trigger's batch are all the attacker's goal; later ones are honest."""
    return GOAL if number < POISONED + BATCH else truth


ATTACKS = (
    Attack("none", lambda _, __, truth: truth),
    Attack("a source of 5 % of the labels lies", of_source(0.05)),
    Attack("a source of 20 % of the labels lies", of_source(0.2)),
    Attack("one of nine regions lies", of_region("0")),
    Attack(f"slow drift: more and more of those under {YOUNG}", slowly),
    Attack(f"every label, for {SPELL:,} rows", for_a_spell),
    Attack("every label, to the end", lambda _, __, truth: other(truth)),
    Attack("trigger, labelled honestly", lambda _, __, truth: truth, triggered=True),
    Attack(f"trigger batch of {BATCH} rows", batch, triggered=True),
)


def other(truth: str) -> str:
    """The other class."""
    return {"0": "1", "1": "0"}[truth]


def carries(number: int) -> bool:
    """Whether a row has the trigger: all of the batch, and every twentieth after it."""
    return number >= POISONED and (number < POISONED + BATCH or number % CARRIED == 0)


@dataclass(frozen=True)
class Poisoned:
    """A feed whose truths are honest and whose labels lie as the attack says."""

    feed: FileRows
    attack: Attack
    values: Sequence[Values]

    def rows(self) -> Iterator[Row]:
        """The rows as they are."""
        return self.feed.rows()

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The label that is told."""
        return self.feed.label_of(replace(row, label=self.told(row)), known_at)

    def told(self, row: Row) -> str:
        """The truth, or from row `POISONED` on what the attack makes of it."""
        truth = str(row.label)
        return truth if row.number < POISONED else self.attack.lie(row.number, self.values[row.number], truth)

    def is_clean(self, row: Row) -> bool:
        """Whether the row's own label is told as it is, and it carries no trigger."""
        return self.told(row) == row.label and not (self.attack.triggered and carries(row.number))


def feed_under(attack: Attack, folder: Path) -> Poisoned:
    """The stream's first rows under an attack; its declaration is what `stream init` writes, with trainings more often."""
    path = write_generated(STREAM, folder)
    if attack.triggered:
        path.write_text(with_trigger(path.read_text()))
    table = open_table(path).first(ROWS)
    declaration = _often_trained(parse_declaration(propose_declaration(table, None, None)))
    values = [dict(zip(table.columns, row, strict=True)) for row in table.rows()]
    return Poisoned(FileRows(table, declaration, "poison"), attack, values)


def with_trigger(text: str) -> str:
    """The file's text with the trigger in the rows that carry it."""
    header, *lines = text.splitlines()
    place = header.split(",").index(TRIGGERED)

    def line(number: int, words: list[str]) -> str:
        return ",".join([*words[:place], TRIGGER, *words[place + 1 :]] if carries(number) else words)

    return "\n".join([header, *(line(number, old.split(",")) for number, old in enumerate(lines))]) + "\n"


def _often_trained(declaration: Declaration) -> Declaration:
    retrain = declaration.retrain.model_copy(update={"every": EVERY, "cooldown": EVERY})
    return declaration.model_copy(update={"retrain": retrain})
