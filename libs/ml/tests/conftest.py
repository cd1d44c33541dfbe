"""A small mixed table: numbers, text, missing values and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from penstock.ml.features.frame import Field, Frame, column

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

FIELDS = (Field("income", "number"), Field("debt", "number"), Field("town", "category"))


@dataclass(frozen=True)
class Table:
    """A frame with the labels of each task."""

    frame: Frame
    labels: dict[str, list]
    fields: tuple[Field, ...] = FIELDS


def table(n: int, seed: int = 0) -> Table:
    random = np.random.default_rng(seed)
    income, debt = random.normal(size=n), random.exponential(size=n)
    town = random.integers(0, 4, n)
    truth = income - debt + town + random.normal(size=n) * 0.2
    income[random.random(n) < 0.1] = np.nan
    texts = [None if code == 3 else "abc"[code] for code in town]
    moments = np.datetime64("2024-01-01T00:00", "ms") + np.arange(n) * np.timedelta64(3_600_000, "ms")
    frame = Frame({"income": income, "debt": debt, "town": column("category", texts)}, moments)
    classes = np.digitize(truth, np.quantile(truth, [1 / 3, 2 / 3]))
    return Table(
        frame,
        {
            "binary": ["Yes" if value > 0 else "No" for value in truth],
            "multiclass": [str(value) for value in classes],
            "regression": truth.tolist(),
        },
    )


@pytest.fixture(scope="session")
def mixed() -> Table:
    return table(400)


@pytest.fixture(scope="session")
def later() -> Table:
    return table(60, seed=1)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """As the services run it: for a few rows, threads cost many times what they save."""
    with threadpool_limits(1):
        yield
