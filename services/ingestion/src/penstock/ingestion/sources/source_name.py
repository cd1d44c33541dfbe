"""What a source is called."""

from __future__ import annotations

from typing import NamedTuple


class SourceName(NamedTuple):
    """The name of a source, in its stream and namespace."""

    namespace: str
    stream: str
    name: str

    def __str__(self) -> str:
        """For people.

        >>> str(SourceName("penstock", "loans", "orders"))
        'source loans/orders'
        """
        return f"source {self.stream}/{self.name}"

    @property
    def group(self) -> str:
        """The consumer group that reads it, on whichever cluster."""
        return f"{self.namespace}.{self.stream}.source.{self.name}"
