"""The law of the references: a label is not used before it is known, and nothing of a later row is used at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.evaluation.references.boosting import Answers, calendar, calendar_rows
from bench.evaluation.references.feature_matrix import Rows, read_rows
from bench.evaluation.references.label_delay import LAGS, MEAN_OF, Known, known_rows, lags, last_known
from bench.evaluation.references.reference_catalog import REFERENCES
from penstock.console.replay.labelled_rows import Row, chunk_size
from penstock.console.replay.stream_time import replay_in_stream_time

START = datetime(2024, 1, 1, tzinfo=UTC)
COUNT = 260
DELAYS = st.sampled_from([0, 3, 16, 48])
Answering = Callable[[Rows, Known, int, int], Answers]


@dataclass(frozen=True)
class Numbered:
    """A feed of so many rows whose bodies are their numbers."""

    count: int

    def rows(self) -> Iterator[Row]:
        """Row n has the id `n`."""
        for number in range(self.count):
            time = START + timedelta(minutes=number)
            yield Row(number, str(number), time, None, str(number).encode(), "yes")

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The row's number."""
        del known_at
        return row.event


@dataclass
class Listener:
    """A deployment that notes how many labels it had when each event came."""

    labels: int = 0
    known: list[int] = field(default_factory=list)

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime) -> int:
        """Count."""
        del now
        if kind == "event":
            self.known += [self.labels] * len(bodies)
        else:
            self.labels += len(bodies)
        return 0

    async def answered(self, ids: Sequence[str]) -> None:
        """They are."""

    async def quiet(self) -> None:
        """It is."""


@settings(max_examples=30)
@given(count=st.integers(0, 300), delay=st.integers(0, 120))
async def test_the_references_know_what_a_replay_lets_be_known(count: int, delay: int) -> None:
    heard = Listener()
    await replay_in_stream_time(Numbered(count), heard, delay, chunk_size(delay), lambda _: None)
    assert known_rows(count, delay).tolist() == heard.known


@given(
    truths=st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=1, max_size=150),
    delay=DELAYS,
    back=st.integers(1, 5),
)
def test_lags_are_the_last_labels_that_are_known(truths: list[float], delay: int, back: int) -> None:
    known = known_rows(len(truths), delay)
    found, columns = last_known(np.array(truths), known, back), lags(np.array(truths), known)
    for row, until in enumerate(known):
        there = [truth for truth in truths[:until] if not np.isnan(truth)]
        expected = [there[-k] if len(there) >= k else np.nan for k in LAGS]
        mean = np.mean(there[-MEAN_OF:]) if there else np.nan
        np.testing.assert_allclose(columns[row], [*expected, mean])
        np.testing.assert_equal(found[row], there[-back] if len(there) >= back else np.nan)


def made(task: Literal["binary", "regression"], seed: int) -> Rows:
    """Rows with a number and a code, some missing, and a label of both."""
    random = np.random.default_rng(seed)
    matrix = np.column_stack([random.random(COUNT), random.integers(0, 3, COUNT)]).astype(float)
    value = matrix[:, 0] + 0.2 * matrix[:, 1]
    matrix[random.random((COUNT, 2)) < 0.05] = np.nan
    truths = value if task == "regression" else (value > 0.6).astype(float)
    return Rows(task, matrix, np.array([False, True]), np.where(random.random(COUNT) < 0.05, np.nan, truths))


def thrice(rows: Rows, known: Known, late: int, seed: int) -> Answers:
    """A calendar of few trainings, on half of what is known: those that count train too often for a test."""
    return calendar(rows, known, late, seed, times=3, window=COUNT // 2)


def thrice_with_lags(rows: Rows, known: Known, late: int, seed: int) -> Answers:
    """The same with lags."""
    return thrice(rows.with_more(lags(rows.truths, known)), known, late, seed)


ANSWERING = {name: REFERENCES[name].answer for name in ("last", "static", "tree", "forest-lags")}


@pytest.mark.parametrize(
    "answer", [*ANSWERING.values(), thrice, thrice_with_lags], ids=[*ANSWERING, "calendar", "lags"]
)
@settings(max_examples=5)
@given(
    task=st.sampled_from(["binary", "regression"]),
    delay=DELAYS,
    late=st.sampled_from([0, 30]),
    cut=st.integers(30, COUNT - 10),
)
def test_no_answer_depends_on_what_is_not_known_yet(
    answer: Answering, task: Literal["binary", "regression"], delay: int, late: int, cut: int
) -> None:
    """Labels from row `cut` on, and rows after the last that may not know them, are made up anew: no answer changes."""
    rows, known = made(task, 1), known_rows(COUNT, delay)
    same = int(np.searchsorted(known, cut, side="right"))  # rows before this one are answered without those labels
    truths, matrix = rows.truths.copy(), rows.matrix.copy()
    truths[cut:] = 1 - truths[cut:]
    matrix[same:, 0] = 0.5
    other = Rows(task, matrix, rows.categorical, truths)
    before, after = answer(rows, known, late, 0), answer(other, known, late, 0)
    np.testing.assert_array_equal(before.values[:same], after.values[:same])


@pytest.mark.parametrize("late", [0, 70])
def test_a_model_takes_effect_as_late_as_it_was_asked_to(late: int) -> None:
    plain = made("binary", 2)
    truths = (plain.matrix[:, 0] > 0.5).astype(float)
    rows, known = Rows("binary", plain.matrix, plain.categorical, truths), known_rows(COUNT, 0)
    last, first = last_known(truths, known), calendar_rows(COUNT, 3)[0] + late
    found = thrice(rows, known, late, 0).values
    np.testing.assert_array_equal(found[:first], last[:first])
    assert np.mean(found[first:] == truths[first:]) > 0.8 > np.mean(last[first:] == truths[first:])
    assert thrice(rows, known, COUNT, 0).retrains == 0


def test_what_the_file_says_is_read_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    lines = [
        f"2024-01-{day:02d} 05:00:00,{'b' if day % 2 else 'a'},{day},{'yes' if day % 3 else 'no'}"
        for day in range(1, 29)
    ]
    file.write_text("\n".join(["at,town,x,y", *lines, "2024-01-29 05:00:00,,NA,"]) + "\n")
    rows = read_rows(file)
    assert rows.categorical.tolist() == [True, False, False, False][: rows.matrix.shape[1]]
    assert rows.matrix[:2, :2].tolist() == [[0.0, 1.0], [1.0, 2.0]]
    assert np.isnan(rows.matrix[28, :2]).all()
    assert rows.truths[:4].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert np.isnan(rows.truths[28])
    assert len(read_rows(file, 5)) == 5
