"""The electricity market's file, or where it is absent a generated one of the same shape."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np

SHARED = Path(os.environ.get("PENSTOCK_SHARED") or Path(__file__).parents[2] / "shared")
REAL = SHARED / "data" / "elec2.csv.gz"
COLUMNS = "period,nswprice,nswdemand,vicprice,vicdemand,transfer,class"
DAY = 48  # half-hours
ROWS = 6000
VICTORIA_JOINS_AT = 3000  # the row from which the second market moves


def electricity_file(folder: Path) -> Path:
    """The real file if it exists, otherwise a generated one in `folder`."""
    return REAL if REAL.is_file() else _generate(folder / "elec2.csv.gz")


def _generate(file: Path) -> Path:
    """Half-hours of demand and price with a daily cycle; the class: whether the price is above its mean of the day."""
    random = np.random.default_rng(11)
    row = np.arange(ROWS)
    is_joined = row >= VICTORIA_JOINS_AT
    daily_cycle = np.sin(2 * np.pi * (row % DAY) / DAY - 2)
    demand = 0.45 + 0.2 * daily_cycle + 0.05 * np.sin(2 * np.pi * row / (7 * DAY)) + random.normal(0, 0.03, ROWS)
    victoria_demand = np.where(is_joined, 0.45 + 0.15 * daily_cycle + random.normal(0, 0.04, ROWS), 0.42)
    price = (
        0.06
        + 0.08 * (demand - 0.45)
        + np.where(is_joined, 0.06 * (victoria_demand - 0.45), 0)
        + random.normal(0, 0.006, ROWS)
    )
    means = np.convolve(price, np.ones(DAY) / DAY)[:ROWS]
    columns = (
        (row % DAY) / (DAY - 1),
        price,
        demand,
        np.where(is_joined, price / 15, 0.0035),
        victoria_demand,
        np.where(is_joined, 0.5 + random.normal(0, 0.1, ROWS), 0.415),
        (price > means).astype(int),
    )
    lines = [",".join(f"{value:.6g}" for value in values) for values in zip(*columns, strict=True)]
    file.write_bytes(gzip.compress("\n".join([COLUMNS, *lines, ""]).encode()))
    return file
