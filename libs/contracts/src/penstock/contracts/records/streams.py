"""Streams: what has been declared, version by version."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.control import ControlRecord


class StreamDeclared(ControlRecord):
    """The stream as declared, at a version that rises with every change of the declaration."""

    type: ClassVar[str] = "penstock.stream-declared.v1"

    version: Annotated[int, Field(ge=1)]
    declaration: Declaration

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.declaration.name


class Streams:
    """The newest declaration of every stream: a fold over the topic `streams`."""

    def __init__(self) -> None:
        self._declared: dict[str, StreamDeclared] = {}

    def apply(self, record: StreamDeclared) -> None:
        """Take in one record; an older version than the one known changes nothing."""
        known = self._declared.get(record.name)
        if known is None or record.version > known.version:
            self._declared[record.name] = record

    def get(self, name: str) -> StreamDeclared | None:
        """The newest record of the stream, or None when it is unknown."""
        return self._declared.get(name)

    def names(self) -> list[str]:
        """All known streams, in the order of their first declaration."""
        return list(self._declared)
