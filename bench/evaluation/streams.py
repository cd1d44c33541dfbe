"""The streams that are judged: files of a folder, and generated ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.evaluation.generated import GENERATED, write_generated

USUAL_DELAY = 48  # rows
DELAYS: Mapping[str, Sequence[int]] = {"elec2": (0, 48, 500)}
LATE: Mapping[str, Sequence[int]] = {"elec2": (1000, 5000)}
"""Rows after which a model takes effect, tried at the usual delay beside 0."""

KEPT = 16  # letters of a digest


@dataclass(frozen=True)
class Stream:
    """A file, sent with labels `delay` rows late and models `late` rows after their data; `planted`: rows of change."""

    name: str
    file: Path
    delay: int
    late: int = 0
    planted: tuple[int, ...] | None = None

    @property
    def key(self) -> str:
        """What its results are kept under.

        >>> Stream("elec2", Path("elec2.csv.gz"), 48, 1000).key
        'elec2-48-late-1000'
        """
        return f"{self.name}-{self.delay}" + (f"-late-{self.late}" if self.late else "")

    @property
    def generated(self) -> bool:
        """Whether it is one of ours."""
        return self.planted is not None

    def digest(self) -> str:
        """Of the file's bytes: results of another file under the same name do not count."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()[:KEPT]


def streams_in(data: Path | None, scratch: Path, names: Sequence[str] = ()) -> list[Stream]:
    """The CSV files of a folder and the generated streams, which are written into `scratch`; only those named, if any.

    Raises:
        ValueError: a name stands for none of them.
    """
    files = {} if data is None else {name_of(path): path for path in sorted(data.iterdir()) if ".csv" in path.suffixes}
    unknown = [name for name in names if name not in {*files, *GENERATED}]
    if unknown:
        raise ValueError(f"no stream is named {unknown[0]}: there are {', '.join([*files, *GENERATED])}")
    wanted = set(names) or {*files, *GENERATED}
    found = [stream for name, path in files.items() if name in wanted for stream in _of_file(name, path)]
    for name, made in GENERATED.items():
        if name in wanted:
            found.append(Stream(name, write_generated(name, scratch), USUAL_DELAY, planted=made.planted))
    return found


def name_of(path: Path) -> str:
    """A file's name without its endings.

    >>> name_of(Path("data/elec2.csv.gz"))
    'elec2'
    """
    return path.name.split(".")[0]


def _of_file(name: str, path: Path) -> list[Stream]:
    in_time = [Stream(name, path, delay) for delay in DELAYS.get(name, (USUAL_DELAY,))]
    return in_time + [Stream(name, path, USUAL_DELAY, late) for late in LATE.get(name, ())]
