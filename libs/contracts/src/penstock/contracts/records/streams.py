"""Streams: their declarations, version by version."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.control import ControlRecord


class StreamDeclared(ControlRecord):
    """A stream's declaration. `version` rises by one with every change; the highest is in force."""

    type: ClassVar[str] = "penstock.stream-declared.v1"

    version: Annotated[int, Field(ge=1)]
    declaration: Declaration

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.declaration.name


class Streams:
    """The newest declaration of every stream, by name, kept up to date from the topic `streams`."""

    def __init__(self) -> None:
        self._newest: dict[str, StreamDeclared] = {}

    def apply(self, record: StreamDeclared) -> None:
        """Take in one record; it changes nothing unless its version is higher than the one at hand."""
        newest = self._newest.get(record.name)
        if newest is None or record.version > newest.version:
            self._newest[record.name] = record

    def get(self, name: str) -> StreamDeclared | None:
        """The newest record of the stream, or None if no such stream is declared."""
        return self._newest.get(name)

    def names(self) -> list[str]:
        """The names of all streams, in the order in which they were first declared."""
        return list(self._newest)
