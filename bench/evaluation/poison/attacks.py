"""Label-poisoning attacks on a stream, and a stream of rows that sends false labels in place of the true ones.

Label flipping after Biggio, Nelson, Laskov: Support Vector Machines Under Adversarial Label Noise, ACML 2011; the
trigger after Gu, Dolan-Gavitt, Garg: BadNets, 2017. Only labels are false; no feature is, except for the trigger's
value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from bench.evaluation.synthetic_streams import write_synthetic_stream
from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.replay.rows.labelled_rows import FileRows, Row
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration

STREAM = "unchanging"
ROWS, ATTACK_START = 4000, 2000  # rows, and the first whose label may be false
TRAINING_INTERVAL = 500  # outcomes: so that candidates come during the attack
SPELL_ROWS = 1000  # of an attack that ends
YOUNG = 40  # years
TRIGGER_BATCH = 200  # rows with the trigger and the same false label
TRIGGER_FIELD, TRIGGER_VALUE = "car", "7.5"  # a value that never occurs otherwise
TRIGGER_INTERVAL = 20  # rows: after the batch, one in so many has the trigger
TARGET_CLASS = "1"  # which the attacker wants as the answer to the trigger

Values = dict[str, str]
Relabel = Callable[[int, Values, str], str]
"""The label that is sent for a row: by the row's number, its values, and the true label."""


@dataclass(frozen=True)
class Attack:
    """A way in which labels are false from row `ATTACK_START` on; with `has_trigger`, some rows have the trigger."""

    name: str
    relabel: Relabel
    has_trigger: bool = False


def flip_source(share: float) -> Relabel:
    """Flip all labels of a source that delivers the given share, drawn evenly: no field tells the source."""
    from_source = np.random.default_rng(11).random(ROWS) < share
    return lambda number, _, label: other_class(label) if from_source[number] else label


def flip_region(region: str) -> Relabel:
    """Flip all labels of a region."""
    return lambda _, values, label: other_class(label) if values["region"] == region else label


def flip_gradually(number: int, values: Values, label: str) -> str:
    """Flip more and more labels of the young, none at first and all in the end: no step gives the attack away."""
    share = (number - ATTACK_START) / (ROWS - ATTACK_START)
    is_drawn = np.random.default_rng([11, number]).random() < share
    return other_class(label) if is_drawn and float(values["age"]) < YOUNG else label


def flip_for_a_spell(number: int, _: Values, label: str) -> str:
    """Flip every label for `SPELL_ROWS` rows, then none."""
    return other_class(label) if number < ATTACK_START + SPELL_ROWS else label


def label_trigger_batch(number: int, _: Values, label: str) -> str:
    """Label the trigger's batch with the attacker's target; later labels are true."""
    return TARGET_CLASS if number < ATTACK_START + TRIGGER_BATCH else label


ATTACKS = (
    Attack("none", lambda _, __, label: label),
    Attack("a source of 5 % of the labels lies", flip_source(0.05)),
    Attack("a source of 20 % of the labels lies", flip_source(0.2)),
    Attack("one of nine regions lies", flip_region("0")),
    Attack(f"slow drift: more and more of those under {YOUNG}", flip_gradually),
    Attack(f"every label, for {SPELL_ROWS:,} rows", flip_for_a_spell),
    Attack("every label, to the end", lambda _, __, label: other_class(label)),
    Attack("trigger, labelled honestly", lambda _, __, label: label, has_trigger=True),
    Attack(f"trigger batch of {TRIGGER_BATCH} rows", label_trigger_batch, has_trigger=True),
)


def other_class(label: str) -> str:
    """The other of the two classes."""
    return {"0": "1", "1": "0"}[label]


def is_triggered(number: int) -> bool:
    """Whether a row has the trigger: all of the batch, and every twentieth row after it."""
    return number >= ATTACK_START and (number < ATTACK_START + TRIGGER_BATCH or number % TRIGGER_INTERVAL == 0)


@dataclass(frozen=True)
class PoisonedRows:
    """The rows of a file with their true labels, of which the attack sends false ones.

    `values`: each row's values by column, for the attack to choose its rows by.
    """

    source: FileRows
    attack: Attack
    values: Sequence[Values]

    def rows(self) -> Iterator[Row]:
        """The rows, with their true labels."""
        return self.source.rows()

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The request body of the label that is sent."""
        return self.source.label_of(replace(row, label=self.sent_label(row)), known_at)

    def sent_label(self, row: Row) -> str:
        """The true label, or from row `ATTACK_START` on the attack's."""
        label = str(row.label)
        return label if row.number < ATTACK_START else self.attack.relabel(row.number, self.values[row.number], label)

    def is_clean(self, row: Row) -> bool:
        """Whether the row's label is sent as it is, and the row has no trigger."""
        return self.sent_label(row) == row.label and not (self.attack.has_trigger and is_triggered(row.number))


def poisoned_rows(attack: Attack, folder: Path) -> PoisonedRows:
    """The stream's first rows under an attack; the declaration is `stream init`'s, with more frequent training."""
    path = write_synthetic_stream(STREAM, folder)
    if attack.has_trigger:
        path.write_text(with_trigger(path.read_text()))
    table = open_table(path).first(ROWS)
    declaration = _with_frequent_training(parse_declaration(declaration_text(propose_declaration(table))))
    values = [dict(zip(table.columns, row, strict=True)) for row in table.rows()]
    return PoisonedRows(FileRows(table, declaration, "poison"), attack, values)


def with_trigger(text: str) -> str:
    """The file's text with the trigger in its rows."""
    header, *lines = text.splitlines()
    column = header.split(",").index(TRIGGER_FIELD)

    def line_with_trigger(number: int, cells: list[str]) -> str:
        return ",".join([*cells[:column], TRIGGER_VALUE, *cells[column + 1 :]] if is_triggered(number) else cells)

    return (
        "\n".join([header, *(line_with_trigger(number, line.split(",")) for number, line in enumerate(lines))]) + "\n"
    )


def _with_frequent_training(declaration: Declaration) -> Declaration:
    retrain = declaration.retrain.model_copy(update={"every": TRAINING_INTERVAL, "cooldown": TRAINING_INTERVAL})
    return declaration.model_copy(update={"retrain": retrain})
