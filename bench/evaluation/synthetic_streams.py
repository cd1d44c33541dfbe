"""Synthetic streams that change at known rows, or never: concepts of the literature, joined as in River's `synth`.

Agrawal, Imielinski, Swami: Database Mining: A Performance Perspective, IEEE TKDE 5(6), 1993: loan applications and
rules of who is granted one. Street, Kim: A Streaming Ensemble Algorithm (SEA), KDD 2001: a threshold on the sum of two
of three numbers. Friedman: Multivariate Adaptive Regression Splines, Annals of Statistics 19(1), 1991: a smooth
function of five of ten numbers; roles swapped at a change as by Ikonomovska, Gama, Dzeroski: Learning Model Trees from
Evolving Data Streams, Data Mining and Knowledge Discovery 23, 2011. The gradual change draws from either concept with a
probability that follows a sigmoid, after Bifet, Gavalda et al.: MOA: Massive Online Analysis, JMLR 11, 2010.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.class_streams import fading_prior, later_classes, rare_classes, rotating_clusters
from bench.evaluation.entity_streams import growth, intermittent_demand, terminals
from bench.evaluation.synthetic_columns import ROWS, Column, Columns, Make

NOISE_SHARE = 0.05  # of the classes are flipped

Concept = Callable[[Columns], Column]


@dataclass(frozen=True)
class SyntheticStream:
    """How to make a stream: its columns, the label last, from a random generator; and the rows where it changes."""

    make: Make
    change_rows: tuple[int, ...]


def write_synthetic_stream(name: str, folder: Path) -> Path:
    """Write the stream as a CSV file, the same bytes every time."""
    columns = SYNTHETIC_STREAMS[name].make(np.random.default_rng(7))
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


# --- concepts


def loans(random: np.random.Generator) -> Columns:
    """Loan applications: six numbers and three codes, as Agrawal et al. draw them."""
    salary = random.uniform(20_000, 150_000, ROWS)
    region = random.integers(0, 9, ROWS)
    return {
        "salary": salary.round(),
        "commission": np.where(salary >= 75_000, 0, random.uniform(10_000, 75_000, ROWS)).round(),
        "age": random.integers(20, 81, ROWS).astype(float),
        "education": random.integers(0, 5, ROWS).astype(float),
        "car": random.integers(1, 21, ROWS).astype(float),
        "region": region.astype(float),
        "house": (random.uniform(0.5, 1.5, ROWS) * 100_000 * (9 - region)).round(),
        "years": random.integers(1, 31, ROWS).astype(float),
        "loan": random.uniform(0, 500_000, ROWS).round(),
    }


def by_age(rows: Columns) -> Column:
    """Agrawal's first rule: the young and the old."""
    return ((rows["age"] < 40) | (rows["age"] >= 60)).astype(float)


def by_salary_and_age(rows: Columns) -> Column:
    """Agrawal's second rule: a band of salaries for each age."""
    age, salary = rows["age"], rows["salary"]
    low = np.select([age < 40, age < 60], [50_000, 75_000], 25_000)
    return ((low <= salary) & (salary <= low + 50_000)).astype(float)


def numbers(count: int, highest: float) -> Callable[[np.random.Generator], Columns]:
    """`count` columns of numbers, uniform between 0 and the highest."""
    return lambda random: {f"x{column}": random.uniform(0, highest, ROWS) for column in range(count)}


def sum_below(threshold: float) -> Concept:
    """SEA's rule: the sum of the first two, the third says nothing."""
    return lambda rows: (rows["x0"] + rows["x1"] <= threshold).astype(float)


def friedman(a: int, b: int, c: int, d: int, e: int) -> Concept:
    """Friedman's function of the columns with these numbers."""

    def value(rows: Columns) -> Column:
        first, second, third, fourth, fifth = (rows[f"x{column}"] for column in (a, b, c, d, e))
        return 10 * np.sin(np.pi * first * second) + 20 * (third - 0.5) ** 2 + 10 * fourth + 5 * fifth

    return value


# --- changes


def phases(*rows: int) -> Callable[[np.random.Generator], NDArray[np.int64]]:
    """The number of each row's phase; a phase begins at each of the given rows."""
    return lambda _: np.searchsorted(rows, np.arange(ROWS), side="right")


def sigmoid(centre: int, width: int) -> Callable[[np.random.Generator], NDArray[np.int64]]:
    """Phase 0 at first and 1 in the end, drawn in between with a probability that rises around the centre."""

    def draw(random: np.random.Generator) -> NDArray[np.int64]:
        share = 1 / (1 + np.exp(-4 * (np.arange(ROWS) - centre) / width))
        return (random.random(ROWS) < share).astype(np.int64)

    return draw


def binary_stream(
    inputs: Callable[[np.random.Generator], Columns],
    concepts: tuple[Concept, ...],
    phase: Callable[[np.random.Generator], NDArray[np.int64]],
) -> Callable[[np.random.Generator], Columns]:
    """A binary stream: phase p has concept p modulo their number; a share of the classes is flipped."""

    def make(random: np.random.Generator) -> Columns:
        rows = inputs(random)
        concept_numbers = phase(random) % len(concepts)
        label = np.choose(concept_numbers, [concept(rows) for concept in concepts])
        flipped = random.random(ROWS) < NOISE_SHARE
        return {**rows, "label": np.where(flipped, 1 - label, label)}

    return make


def _abrupt_regression(random: np.random.Generator) -> Columns:
    rows = numbers(10, 1.0)(random)
    before, after = friedman(0, 1, 2, 3, 4)(rows), friedman(5, 3, 0, 1, 6)(rows)
    label = np.where(np.arange(ROWS) < ROWS // 2, before, after) + random.normal(0, 1, ROWS)
    return {**rows, "label": label}


def _turns(*rows: int) -> Column:
    """How often the clusters have turned by a quarter at each row."""
    return phases(*rows)(np.random.default_rng(0)).astype(np.float64)


SYNTHETIC_STREAMS: Mapping[str, SyntheticStream] = {
    "abrupt": SyntheticStream(binary_stream(loans, (by_age, by_salary_and_age), phases(6000)), (6000,)),
    "gradual": SyntheticStream(binary_stream(loans, (by_salary_and_age, by_age), sigmoid(6000, 2000)), (6000,)),
    "recurring": SyntheticStream(
        binary_stream(numbers(3, 10.0), (sum_below(8), sum_below(12)), phases(3000, 6000, 9000)), (3000, 6000, 9000)
    ),
    "unchanging": SyntheticStream(binary_stream(loans, (by_salary_and_age,), phases()), ()),
    "abrupt-regression": SyntheticStream(_abrupt_regression, (6000,)),
    "terminals": SyntheticStream(terminals, ()),
    "intermittent-demand": SyntheticStream(intermittent_demand, ()),
    "growth": SyntheticStream(growth, ()),
    "later-classes": SyntheticStream(later_classes(0, 0, 0, 4000, 8000), (4000, 8000)),
    "rare-classes": SyntheticStream(rare_classes, ()),
    "rotation": SyntheticStream(rotating_clusters(_turns(4000, 8000)), (4000, 8000)),
    "recurring-rotation": SyntheticStream(rotating_clusters(_turns(3000, 6000, 9000) % 2), (3000, 6000, 9000)),
    "fading-prior": SyntheticStream(fading_prior, ()),
}
