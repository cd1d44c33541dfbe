"""Streams: their declarations, version by version, and whether a person has paused or deleted them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.control import ControlRecord, UtcTimestamp


class Pause(BaseModel):
    """A person's pause of a stream, since `time`: it is not trained, and nothing is promoted by itself.

    With `intake` no events and labels are taken in either. `detail` is the reason given.
    """

    model_config = ConfigDict(frozen=True)

    by: str
    time: UtcTimestamp
    detail: str = ""
    intake: bool = False


class Deletion(BaseModel):
    """A person's deletion of a stream at `time`, for good: its name is not given again. `detail` is the reason given.

    `completed` is when its topics were gone; until then they are being deleted.
    """

    model_config = ConfigDict(frozen=True)

    by: str
    time: UtcTimestamp
    detail: str = ""
    completed: Annotated[UtcTimestamp | None, Field(exclude_if=lambda completed: completed is None)] = None


class StreamDeclared(ControlRecord):
    """A stream's declaration. `version` rises by one with every change; the highest is in force.

    A stream that is paused or goes on keeps its version: of the records of one version that of the highest `revision`
    is in force. `pause` is there while the stream is paused, `deletion` from its end on.
    """

    type: ClassVar[str] = "penstock.stream-declared.v1"

    version: Annotated[int, Field(ge=1)]
    declaration: Declaration
    revision: Annotated[int, Field(ge=0, exclude_if=lambda revision: revision == 0)] = 0
    pause: Annotated[Pause | None, Field(exclude_if=lambda pause: pause is None)] = None
    deletion: Annotated[Deletion | None, Field(exclude_if=lambda deletion: deletion is None)] = None

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.declaration.name

    @property
    def order(self) -> tuple[int, int]:
        """Of two records of a stream the one of the higher order is in force."""
        return self.version, self.revision

    @property
    def takes_records(self) -> bool:
        """Whether events and labels are taken in now."""
        return self.pause is None or not self.pause.intake


class Streams:
    """The newest declaration of every stream, by name, kept up to date from the topic `streams`.

    A stream that was deleted is no longer one of them; `known` alone still has it.
    """

    def __init__(self) -> None:
        self._newest: dict[str, StreamDeclared] = {}

    def apply(self, record: StreamDeclared) -> None:
        """Take in one record; it changes nothing unless it is newer than the one at hand."""
        newest = self._newest.get(record.name)
        if newest is None or record.order > newest.order:
            self._newest[record.name] = record

    def get(self, name: str) -> StreamDeclared | None:
        """The newest record of the stream, or None if no such stream is declared."""
        newest = self._newest.get(name)
        return newest if newest is None or newest.deletion is None else None

    def known(self, name: str) -> StreamDeclared | None:
        """The same, of a stream that was deleted too: with it, what is in flight or archived is still read."""
        return self._newest.get(name)

    def being_deleted(self) -> list[StreamDeclared]:
        """The newest records of those that were deleted and whose topics may still be there."""
        return [newest for newest in self._newest.values() if newest.deletion and newest.deletion.completed is None]

    def names(self) -> list[str]:
        """The names of all streams, in the order in which they were first declared."""
        return [name for name, newest in self._newest.items() if newest.deletion is None]

    def known_names(self) -> list[str]:
        """The names that streams have or had; those that were deleted are not given again."""
        return list(self._newest)
