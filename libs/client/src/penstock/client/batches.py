"""Rows in batches of documents, made as they are wanted, so that rows may be more than memory holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.client.documents import DocumentWriter
from penstock.client.errors import PenstockError
from penstock.client.frames import as_frame, frame_rows
from penstock.client.json_values import NoJson
from penstock.client.receipts import Refusal

MOST_BYTES = 4 << 20  # of a batch, unless one record is larger


@dataclass(slots=True)
class Batch:
    """Documents to send at once, each with its place among the rows; and rows that are refused here already."""

    ids: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    absent: int = 0
    size: int = 0

    @property
    def rows(self) -> int:
        """How many rows it was made of."""
        return len(self.ids)

    def add(self, place: int, row: dict[str, Any], writer: DocumentWriter) -> None:
        """Add a row."""
        event_id = writer.event_id(place, row)
        self.ids.append(event_id)
        try:
            content = writer.content(event_id, row)
        except NoJson as error:
            self.refused.append(Refusal(place, event_id, error.code, error.field, error.detail))
            return
        if content is None:
            self.absent += 1
            return
        self.places.append(place)
        self.documents.append(content)
        self.size += len(content)


def batches_of(rows: Iterable[dict[str, Any]], writer: DocumentWriter, most: int) -> Iterator[Batch]:
    """The rows in batches of at most `most`, in order."""
    batch = Batch()
    for place, row in enumerate(rows):
        batch.add(place, row, writer)
        if batch.rows == most or batch.size >= MOST_BYTES:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


def rows_of(rows: object) -> Iterator[dict[str, Any]]:
    """The rows of a frame, an iterable of mappings, or one mapping.

    Raises:
        PenstockError: it is none of them.
    """
    if isinstance(rows, Mapping):
        return iter([dict(rows)])
    frame = as_frame(rows)
    if frame is not None:
        return frame_rows(frame)
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        raise PenstockError(
            f"Rows are a dict, an iterable of dicts, or a frame of pandas, polars or pyarrow (a lazy one collected),"
            f" not a {type(rows).__name__}."
        )
    return _mappings(rows)


def _mappings(rows: Iterable[object]) -> Iterator[dict[str, Any]]:
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise PenstockError(f"Row {place} is a {type(row).__name__}, not a dict of values by column.")
        yield dict(row)
