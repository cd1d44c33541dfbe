"""Poisoned labels: a challenger of flipped labels does not pass the gates while its holdout's labels are true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.evaluation.poison.attacks import (
    ATTACK_START,
    ATTACKS,
    ROWS,
    TARGET_CLASS,
    TRIGGER_BATCH,
    TRIGGER_FIELD,
    TRIGGER_VALUE,
    Attack,
    PoisonedRows,
    is_triggered,
    poisoned_rows,
)
from bench.evaluation.poison.challengers import JudgedChallenger, generate_events, judge_challenger, random_part

STREAM, COUNT = "recurring", 600  # a rule that even a linear model can learn, unchanged in the first rows
TRAINED, BLEND = ("linear",), ("linear", "additive")


def flipped_challenger(
    seed: int, families: tuple[str, ...], flipped_holdout_share: float = 0.0, *, has_champion: bool = True
) -> JudgedChallenger:
    """A challenger trained on flipped labels only, evaluated where a share of the labels is flipped."""
    events = generate_events(STREAM, COUNT, seed)
    flipped = ~events.in_holdout | random_part(events.in_holdout, flipped_holdout_share, seed)
    return judge_challenger(events, flipped, families, has_champion=has_champion)


@pytest.mark.parametrize("families", [TRAINED, BLEND])
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.1, 0.2]))
@settings(max_examples=6, deadline=None)
def test_a_challenger_of_flipped_labels_never_passes(
    families: tuple[str, ...], seed: int, flipped_holdout_share: float
) -> None:
    challenger = flipped_challenger(seed, families, flipped_holdout_share)
    assert not challenger.verdict.passed
    assert challenger.evaluation.gain.high < 0


@pytest.mark.parametrize("families", [TRAINED, BLEND])
@pytest.mark.parametrize("seed", range(3))
def test_not_even_against_a_constant(families: tuple[str, ...], seed: int) -> None:
    assert not flipped_challenger(seed, families, has_champion=False).verdict.passed


@pytest.mark.parametrize("families", [TRAINED, BLEND])
def test_the_same_challenger_of_true_labels_passes(families: tuple[str, ...]) -> None:
    events = generate_events(STREAM, COUNT, 1)
    assert judge_challenger(events, np.zeros(COUNT, dtype=bool), families, has_champion=False).verdict.passed


@pytest.mark.parametrize("families", [TRAINED, BLEND])
def test_the_gates_cannot_know_that_every_label_of_the_holdout_is_flipped(families: tuple[str, ...]) -> None:
    """The limit that docs/poison.md names: to the gates flipped labels are a changed stream."""
    assert flipped_challenger(2, families, flipped_holdout_share=1.0).verdict.passed


def test_a_challenger_is_evaluated_on_the_rows_of_the_holdout() -> None:
    challenger = flipped_challenger(0, TRAINED)
    assert challenger.evaluation.candidate.rows == generate_events(STREAM, COUNT, 0).in_holdout.sum()


# --- attacks

NO_ATTACK, TRIGGER_ATTACK = (
    next(attack for attack in ATTACKS if attack.name.startswith(name)) for name in ("none", "trigger b")
)


@pytest.fixture(scope="module")
def clean_rows(tmp_path_factory: pytest.TempPathFactory) -> PoisonedRows:
    return poisoned_rows(NO_ATTACK, tmp_path_factory.mktemp("poison"))


@pytest.fixture(scope="module")
def true_labels(clean_rows: PoisonedRows) -> list[str]:
    return [str(row.label) for row in clean_rows.rows()]


def false_labels(attack: Attack, clean_rows: PoisonedRows, true_labels: list[str]) -> np.ndarray:
    """Mask of the labels from `ATTACK_START` on that are false under an attack."""
    rows = range(ATTACK_START, ROWS)
    return np.array([attack.relabel(row, clean_rows.values[row], true_labels[row]) != true_labels[row] for row in rows])


def test_labels_are_true_before_the_attack_and_false_in_it_while_the_rows_stay(clean_rows: PoisonedRows) -> None:
    poisoned = replace(clean_rows, attack=next(attack for attack in ATTACKS if attack.name.endswith("to the end")))
    rows = list(poisoned.rows())
    for row in (rows[0], rows[ATTACK_START - 1], rows[ATTACK_START]):
        is_false = row.number == ATTACK_START
        assert (poisoned.sent_label(row) != row.label) == is_false
        assert (poisoned.label_of(row, row.time) != clean_rows.label_of(row, row.time)) == is_false
        assert poisoned.is_clean(row) != is_false
    assert rows == list(clean_rows.rows())


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("none", 0, 0),
        ("a source of 5 %", 0.04, 0.06),
        ("a source of 20 %", 0.18, 0.22),
        ("one of nine regions", 0.09, 0.13),
        ("slow drift", 0.1, 0.25),
        ("every label, for", 0.5, 0.5),
        ("every label, to the end", 1, 1),
        ("trigger, labelled honestly", 0, 0),
        ("trigger batch", 0.03, 0.09),
    ],
)
def test_each_attack_has_its_share_of_false_labels(
    clean_rows: PoisonedRows, true_labels: list[str], name: str, least: float, most: float
) -> None:
    (attack,) = (attack for attack in ATTACKS if attack.name.startswith(name))
    assert least <= false_labels(attack, clean_rows, true_labels).mean() <= most


def test_a_slow_drift_begins_with_nothing_and_grows(clean_rows: PoisonedRows, true_labels: list[str]) -> None:
    (slow_drift,) = (attack for attack in ATTACKS if attack.name.startswith("slow"))
    shares = false_labels(slow_drift, clean_rows, true_labels).reshape(4, -1).mean(axis=1)
    assert shares[0] < 0.08
    assert (np.diff(shares) > 0).all()
    assert shares[-1] > 0.2


def test_the_trigger_never_occurs_before_the_attack_and_its_batch_has_the_target_class(tmp_path: Path) -> None:
    poisoned = poisoned_rows(TRIGGER_ATTACK, tmp_path)
    triggered = [number for number, values in enumerate(poisoned.values) if values[TRIGGER_FIELD] == TRIGGER_VALUE]
    assert triggered == [number for number in range(ROWS) if is_triggered(number)]
    assert triggered[:TRIGGER_BATCH] == list(range(ATTACK_START, ATTACK_START + TRIGGER_BATCH))
    rows = list(poisoned.rows())
    batch = rows[ATTACK_START : ATTACK_START + TRIGGER_BATCH]
    assert {poisoned.sent_label(row) for row in batch} == {TARGET_CLASS}
    assert all(poisoned.sent_label(row) == row.label for row in rows[ATTACK_START + TRIGGER_BATCH :])
    assert not any(poisoned.is_clean(rows[number]) for number in triggered)
