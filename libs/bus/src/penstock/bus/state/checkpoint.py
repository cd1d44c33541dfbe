"""A checkpoint: the files of a unit's state at one moment, and the names they lie under."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Self

import msgspec

from penstock.artifacts import digest_of
from penstock.bus.state.progress import Progress

_NAME = re.compile(r"(\d{8})-(\d{20})-([0-9a-f]{64})\.json")


class CheckpointFile(msgspec.Struct, frozen=True):
    """A file of a checkpoint: its name in the state's folder, and the digest that it is stored under."""

    name: str
    digest: str


class Manifest(msgspec.Struct, frozen=True):
    """What a checkpoint consists of, and the positions that its state has at least."""

    positions: Mapping[str, int]
    files: list[CheckpointFile]
    format: int = 1


class CheckpointName(NamedTuple):
    """A checkpoint's name: names in their order are checkpoints in the order of their progress.

    Nothing under a name ever changes: it ends with the digest of the manifest.
    """

    progress: Progress
    digest: str

    @classmethod
    def of(cls, progress: Progress, manifest: bytes) -> Self:
        """The name of a manifest."""
        return cls(progress, digest_of(manifest))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The name in a file's name; None: the file is no manifest.

        >>> name = CheckpointName.of(Progress(0, 7), b"{}")
        >>> CheckpointName.parse(str(name)) == name
        True
        """
        match = _NAME.fullmatch(text)
        return cls(Progress(int(match[1]), int(match[2])), f"sha256:{match[3]}") if match else None

    def __str__(self) -> str:
        """The name of the manifest's file."""
        return f"{self.progress.resets:08d}-{self.progress.handled:020d}-{self.digest.removeprefix('sha256:')}.json"
