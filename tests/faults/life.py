"""One life of a service: which point of its work ends it, and which fault its next write has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

_PUBLISH = ("before-send", "during-publish", "after-publish")
_STATE = ("before-state-write", "after-state-write")
_COMMIT = ("before-commit", "after-commit")
_LOAD = ("before-model-read", "after-model-read")
_TRAINING = ("before-archive", "after-archive", "before-training", "after-training")
_DATABASE = ("before-transaction", "before-database-commit", "after-database-commit")

POINTS: Mapping[str, Sequence[str]] = {
    "ingestion": _PUBLISH,
    "validator": (*_PUBLISH, *_STATE, *_COMMIT),
    "server": (*_LOAD, *_PUBLISH, *_COMMIT),
    "drift-detector": (*_PUBLISH, *_STATE, *_COMMIT),
    "retrain-trigger": (*_PUBLISH, *_COMMIT),
    "trainer": (*_TRAINING, *_PUBLISH, *_COMMIT),
    "registry": (*_DATABASE, *_PUBLISH, *_COMMIT),
}
"""The points by service, each in a port: what a service does between two of them has no effect outside of it."""

WRITE_FAULTS = ("refused", "lost", "doubtful")


class Crash(Exception):
    """The service was killed here; nothing that it still tries has any effect."""


class Life:
    """A life of a service, from its start to its crash. `reached` counts the points, over all lives of a run."""

    def __init__(self, name: str, reached: Counter[str]) -> None:
        self.name = name
        self.over = False
        self.crash_at: str | None = None
        self.write_fault: str | None = None
        self._reached = reached

    def pass_point(self, point: str) -> None:
        """Crash if this is the point.

        Raises:
            Crash: it is, or the life was over before.
        """
        if not self.over and self.crash_at == point:
            self.over = True
            self._reached[f"{self.name}: {point}"] += 1
        if self.over:
            raise Crash(f"{self.name} crashed at {point}")

    def take_write_fault(self) -> str | None:
        """The fault of this write; the next one has none."""
        fault, self.write_fault = self.write_fault, None
        return fault
