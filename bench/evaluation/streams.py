"""The streams of the evaluation: files of a folder, and synthetic ones."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.evaluation.code_digest import digest
from bench.evaluation.synthetic_streams import SYNTHETIC_STREAMS, write_synthetic_stream

USUAL_DELAY = 48  # rows from an event to its label
LABEL_DELAYS: Mapping[str, Sequence[int]] = {"elec2": (0, 48, 500), "nyc_flights": (0, 48)}
TRAINING_DELAYS: Mapping[str, Sequence[int]] = {"elec2": (1000, 5000)}
"""Rows after which a model takes effect, measured at the usual label delay in addition to 0."""


@dataclass(frozen=True)
class Stream:
    """A file, and how late (in rows) labels are known and models take effect.

    `change_rows`: where a synthetic stream changes; None for a file of data.
    """

    name: str
    file: Path
    label_delay: int
    training_delay: int = 0
    change_rows: tuple[int, ...] | None = None

    @property
    def key(self) -> str:
        """The name of its results.

        >>> Stream("elec2", Path("elec2.csv.gz"), 48, 1000).key
        'elec2-48-late-1000'
        """
        return f"{self.name}-{self.label_delay}" + (f"-late-{self.training_delay}" if self.training_delay else "")

    @property
    def is_synthetic(self) -> bool:
        """Whether it is generated."""
        return self.change_rows is not None

    def count(self) -> int:
        """How many rows the file has."""
        with gzip.open(self.file) if self.file.suffix == ".gz" else self.file.open("rb") as lines:
            return sum(1 for _ in lines) - 1

    def digest(self) -> str:
        """A digest of the file's bytes: results of another file under the same name do not count."""
        return digest(self.file.read_bytes())


def find_streams(data: Path | None, scratch: Path, names: Sequence[str] = ()) -> list[Stream]:
    """The CSV files of a folder and the synthetic streams, which are written into `scratch`.

    `names`: only streams of these names, or with these keys.

    Raises:
        ValueError: no stream has one of the names.
    """
    files = [] if data is None else [path for path in sorted(data.iterdir()) if ".csv" in path.suffixes]
    streams = [stream for path in files for stream in _streams_of(name_of(path), path)]
    streams += [
        Stream(name, scratch / f"{name}.csv", USUAL_DELAY, change_rows=synthetic.change_rows)
        for name, synthetic in SYNTHETIC_STREAMS.items()
    ]
    known_names = dict.fromkeys([stream.name for stream in streams] + [stream.key for stream in streams])
    unknown = [name for name in names if name not in known_names]
    if unknown:
        raise ValueError(f"no stream is named {unknown[0]}: there are {', '.join(known_names)}")
    selected = [stream for stream in streams if not names or stream.name in names or stream.key in names]
    for stream in selected:
        if stream.is_synthetic:
            write_synthetic_stream(stream.name, scratch)
    return selected


def name_of(path: Path) -> str:
    """A file's name without its endings.

    >>> name_of(Path("data/elec2.csv.gz"))
    'elec2'
    """
    return path.name.split(".")[0]


def _streams_of(name: str, path: Path) -> list[Stream]:
    in_time = [Stream(name, path, delay) for delay in LABEL_DELAYS.get(name, (USUAL_DELAY,))]
    return in_time + [Stream(name, path, USUAL_DELAY, delay) for delay in TRAINING_DELAYS.get(name, ())]
