"""Whole numbers that only tell things apart: row numbers and ids are no features, codes are categories."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.proposal import Proposal
from penstock.contracts.declaration.stream_file import parse_declaration

from .proposals import notes_of, proposal_for

ROWS = 2000


def labels_by(shares: list[float], seed: int = 1) -> list[str]:
    random = Random(seed)
    return ["yes" if random.random() < share else "no" for share in shares]


def shuffled(values: list[int], seed: int = 2) -> list[int]:
    return Random(seed).sample(values, len(values))


def proposal_of(
    folder: Path, values: list[object], name: str = "column", shares: list[float] | None = None
) -> Proposal:
    """Of a file with the column, a measure and a label that is "yes" with these probabilities."""
    label = labels_by(shares or [0.5] * len(values))
    return proposal_for(folder, {name: values, "x": [row % 7 / 4 for row in range(len(values))], "y": label})


def kind_of(proposal: Proposal, name: str = "column") -> str:
    """The declared type, or "no feature"; the declaration must parse."""
    field = parse_declaration(declaration_text(proposal)).fields[name]
    return field.type if field.feature else "no feature"


RANDOM = Random(3)
GROWS = "grows with every row, as row numbers do: no feature"
SPREAD = [RANDOM.randrange(10**6) for _ in range(200)]  # numbers that stand for 200 things
THINGS = [RANDOM.randrange(200) for _ in range(20_000)]


@pytest.mark.parametrize(
    ("values", "kind", "note"),
    [
        (list(range(ROWS)), "no feature", GROWS),
        (
            [row * 3 + row % 2 for row in range(ROWS)],
            "no feature",
            "grows with every row, as row numbers do: no feature",
        ),
        (shuffled(list(range(10**8, 10**8 + ROWS))), "no feature", "looks like an id: no feature"),
        (shuffled([10 ** (2 + row % 5) + row for row in range(ROWS)]), "number", "looks like an id"),
        (shuffled([row / 7 for row in range(ROWS)]), "number", ""),
        ([row + 0.5 for row in range(ROWS)], "number", ""),
        (list(range(900)), "number", "looks like an id"),
        ([row % 60 for row in range(ROWS)], "number", ""),
        ([RANDOM.randrange(5000) for _ in range(ROWS)], "number", ""),
    ],
    ids=["row number", "with gaps", "id", "amounts", "shares", "halves", "few rows", "minutes", "counts"],
)
def test_numbers_without_a_telling_name(tmp_path: Path, values: list[object], kind: str, note: str) -> None:
    proposal = proposal_of(tmp_path, values)
    assert (kind_of(proposal), notes_of(proposal)["column"]) == (kind, note)


def test_a_unique_number_whose_size_tells_of_the_label_is_a_measure(tmp_path: Path) -> None:
    values = shuffled(list(range(10**7, 10**7 + 10_000)))
    shares = [0.9 if value > 10**7 + 5000 else 0.1 for value in values]
    assert kind_of(proposal_of(tmp_path, values, shares=shares)) == "number"
    assert kind_of(proposal_of(tmp_path, values)) == "no feature"


@pytest.mark.parametrize("name", ["zip", "customer_id", "deviceId", "area code", "account no"])
def test_numbers_that_are_called_codes_and_repeat_are_categories(tmp_path: Path, name: str) -> None:
    values: list[object] = [SPREAD[thing] for thing in THINGS[:ROWS]]
    proposal = proposal_of(tmp_path, values, name)
    assert kind_of(proposal, name) == "category"
    assert notes_of(proposal)[name] == "repeating codes, kept as text"


def test_numbers_that_are_called_codes_and_are_new_on_nearly_every_row_are_no_feature(tmp_path: Path) -> None:
    proposal = proposal_of(tmp_path, [Random(row).randrange(10**6) for row in range(ROWS)], "customer_id")
    assert kind_of(proposal, "customer_id") == "no feature"
    assert "nearly every row another value: no feature" in notes_of(proposal)["customer_id"]


def test_numbers_whose_values_tell_more_than_their_size_are_categories(tmp_path: Path) -> None:
    values: list[object] = [SPREAD[thing] for thing in THINGS]
    by_thing = [0.05 if thing % 2 else 0.95 for thing in THINGS]
    by_size = [0.05 if SPREAD[thing] < 500_000 else 0.95 for thing in THINGS]
    assert kind_of(proposal_of(tmp_path, values, shares=by_thing)) == "category"
    assert kind_of(proposal_of(tmp_path, values, shares=by_size)) == "number"
    assert kind_of(proposal_of(tmp_path, values, "grade code", by_size), "grade code") == "number"
    assert kind_of(proposal_of(tmp_path, values)) == "number"
