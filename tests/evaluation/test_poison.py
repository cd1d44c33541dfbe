"""A challenger that learnt from flipped labels does not pass the gate, as long as the labels of its holdout are honest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.evaluation.poison.attacks import (
    ATTACKS,
    BATCH,
    GOAL,
    POISONED,
    ROWS,
    TRIGGER,
    TRIGGERED,
    Attack,
    Poisoned,
    carries,
    feed_under,
)
from bench.evaluation.poison.challengers import Judged, challenger, past, some

STREAM, N = "recurring", 600  # a rule that even a linear model can learn, unchanged in the first rows
ALONE, BLENDED = ("linear",), ("linear", "additive")
SOUND, GUESSING = 0.85, 0.5  # shares in which a champion is right


def flipped(seed: int, champion: float, families: tuple[str, ...], lies_held: float = 0.0) -> Judged:
    """A challenger of flipped labels only, judged where a share of them lies."""
    known = past(STREAM, N, seed, champion)
    return challenger(known, ~known.held | some(known.held, lies_held, seed), families)


@pytest.mark.parametrize("families", [ALONE, BLENDED])
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.1, 0.2]))
@settings(max_examples=6, deadline=None)
def test_a_challenger_of_flipped_labels_never_passes(families: tuple[str, ...], seed: int, lies_held: float) -> None:
    judged = flipped(seed, SOUND, families, lies_held)
    assert not judged.verdict.passed
    assert judged.evaluation.gain.high < 0


@pytest.mark.parametrize("families", [ALONE, BLENDED])
@pytest.mark.parametrize("seed", range(3))
def test_not_even_against_a_champion_that_guesses(families: tuple[str, ...], seed: int) -> None:
    assert not flipped(seed, GUESSING, families).verdict.passed


@pytest.mark.parametrize("families", [ALONE, BLENDED])
def test_the_same_challenger_of_honest_labels_passes(families: tuple[str, ...]) -> None:
    known = past(STREAM, N, 1, champion=0.7)
    assert challenger(known, np.zeros(N, dtype=bool), families).verdict.passed


@pytest.mark.parametrize("families", [ALONE, BLENDED])
def test_the_gate_cannot_know_that_every_label_of_its_holdout_lies(families: tuple[str, ...]) -> None:
    """The limit that docs/poison.md tells of: to the gate a flipped world is a changed one."""
    assert flipped(2, SOUND, families, lies_held=1.0).verdict.passed


def test_a_challenger_is_judged_on_the_rows_that_are_said_to_be_held() -> None:
    judged = flipped(0, SOUND, ALONE)
    assert judged.evaluation.candidate.rows == past(STREAM, N, 0).held.sum()


# --- attacks

UNTOUCHED, BATCHED = (
    next(attack for attack in ATTACKS if attack.name.startswith(name)) for name in ("none", "trigger b")
)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Poisoned:
    return feed_under(UNTOUCHED, tmp_path_factory.mktemp("poison"))


@pytest.fixture(scope="module")
def truths(untouched: Poisoned) -> list[str]:
    return [str(row.label) for row in untouched.rows()]


def lies(attack: Attack, untouched: Poisoned, truths: list[str]) -> np.ndarray:
    """Which of the labels from `POISONED` on lie under an attack."""
    rows = range(POISONED, ROWS)
    return np.array([attack.lie(row, untouched.values[row], truths[row]) != truths[row] for row in rows])


def test_labels_are_true_before_the_attack_and_lie_in_it_while_the_truth_stays(untouched: Poisoned) -> None:
    feed = replace(untouched, attack=next(attack for attack in ATTACKS if attack.name.endswith("to the end")))
    rows = list(feed.rows())
    for row in (rows[0], rows[POISONED - 1], rows[POISONED]):
        lies_now = row.number == POISONED
        assert (feed.told(row) != row.label) == lies_now
        assert (feed.label_of(row, row.time) != untouched.label_of(row, row.time)) == lies_now
        assert feed.is_clean(row) != lies_now
    assert rows == list(untouched.rows())


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
def test_as_many_labels_lie_as_is_said(
    untouched: Poisoned, truths: list[str], name: str, least: float, most: float
) -> None:
    (attack,) = (attack for attack in ATTACKS if attack.name.startswith(name))
    assert least <= lies(attack, untouched, truths).mean() <= most


def test_a_slow_drift_begins_with_nothing_and_grows(untouched: Poisoned, truths: list[str]) -> None:
    (slow,) = (attack for attack in ATTACKS if attack.name.startswith("slow"))
    told = lies(slow, untouched, truths).reshape(4, -1).mean(axis=1)
    assert told[0] < 0.08
    assert (np.diff(told) > 0).all()
    assert told[-1] > 0.2


def test_the_trigger_never_came_before_and_its_batch_is_labelled_with_the_goal(tmp_path: Path) -> None:
    feed = feed_under(BATCHED, tmp_path)
    there = [number for number, values in enumerate(feed.values) if values[TRIGGERED] == TRIGGER]
    assert there == [number for number in range(ROWS) if carries(number)]
    assert there[:BATCH] == list(range(POISONED, POISONED + BATCH))
    rows = list(feed.rows())
    assert {feed.told(row) for row in rows[POISONED : POISONED + BATCH]} == {GOAL}
    assert all(feed.told(row) == row.label for row in rows[POISONED + BATCH :])
    assert not any(feed.is_clean(rows[number]) for number in there)
