"""The stream that everything is measured on: 20 numbers, 2 categories, an account, and whether it was fraud.

It is declared as a user would: `penstock stream init --entity` from a sample of rows.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import read_declaration

NAME = "bench"
NUMBERS = [f"f{number}" for number in range(20)]
CATEGORIES = ["segment", "merchant"]
SEGMENTS = [f"segment-{number}" for number in range(8)]
MERCHANTS = [f"merchant-{number:02d}" for number in range(30)]
ENTITY, LABEL = "account", "fraud"
CLASSES = ["no", "yes"]
SAMPLE = 5000  # rows for the declaration and the training of the models
DISTINCT = 20_000  # rows; events repeat them


@dataclass(frozen=True)
class Rows:
    """n rows as columns: `numbers` of shape (n, width), categories, account and label."""

    numbers: NDArray[np.float64]
    segments: list[str]
    merchants: list[str]
    accounts: list[str]
    labels: list[str]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @property
    def names(self) -> list[str]:
        """The names of the numbers."""
        return [f"f{number}" for number in range(self.numbers.shape[1])]


def draw_rows(count: int, seed: int, accounts: int = 5000, width: int = 20) -> Rows:
    """Draw `count` rows with `width` numbers each, the accounts in turn; equal seeds give equal rows."""
    random = np.random.default_rng(seed)
    scales, means = np.linspace(0.5, 20, width), np.linspace(-5, 50, width)
    numbers = np.round(random.normal(size=(count, width)) * scales + means, 6)
    segments, merchants = random.integers(0, len(SEGMENTS), count), random.integers(0, len(MERCHANTS), count)
    risk = (numbers[:, 0] + 5) / 0.5 + 0.7 * (segments % 2) + 0.5 * (merchants % 3 - 1) + random.normal(size=count)
    return Rows(
        numbers,
        [SEGMENTS[code] for code in segments.tolist()],
        [MERCHANTS[code] for code in merchants.tolist()],
        [f"acct-{number % accounts:05d}" for number in range(count)],
        [CLASSES[int(value > 0)] for value in risk.tolist()],
    )


def init_declaration(folder: Path, rows: Rows) -> Declaration:
    """The declaration that `penstock stream init` proposes for the rows."""
    table, file = folder / f"{NAME}.csv", folder / "stream.toml"
    _write(table, rows)
    command = [sys.executable, "-m", "penstock.console", "stream", "init", str(table), "--output", str(file)]
    subprocess.run([*command, "--entity", ENTITY, "--label", LABEL], check=True, capture_output=True)
    return read_declaration(file)


def _write(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*rows.names, *CATEGORIES, ENTITY, LABEL])
        for index, numbers in enumerate(rows.numbers.tolist()):
            writer.writerow(
                [*numbers, rows.segments[index], rows.merchants[index], rows.accounts[index], rows.labels[index]]
            )
