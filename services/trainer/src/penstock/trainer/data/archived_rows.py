"""The training rows of segments in the store: those of the newest outcomes, as many as a training may read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from penstock.artifacts import Store
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Segment
from penstock.trainer.data.dataset import TrainingRows, rows_of
from penstock.trainer.data.newest_outcomes import NewestOutcomes, NewestRows, labelled_offsets
from penstock.trainer.data.parquet_segments import StoredSegment


def archived_rows(declaration: Declaration, segments: Sequence[Segment], store: Store) -> TrainingRows:
    """The rows of the newest `[models] most_rows` labelled outcomes in these segments; older segments are not read.

    Raises:
        ArtifactError: one is missing or corrupt.
    """
    most = declaration.models.most_rows
    if sum(segment.rows for segment in segments) <= most:
        with _opened(segments, store) as stored:
            return rows_of(declaration, list(stored))
    newest = NewestOutcomes(most)
    read: list[StoredSegment] = []
    with _opened(segments[::-1], store) as stored:
        for segment in stored:
            read.insert(0, segment)
            newest.add(labelled_offsets(segment))
            if newest.is_complete:
                break
        first = newest.first_offsets()
        rows = rows_of(declaration, [NewestRows(segment, first) for segment in read])
    return replace(rows, first_offset=first.predicted)


@contextmanager
def _opened(segments: Sequence[Segment], store: Store) -> Iterator[Iterator[StoredSegment]]:
    """The segments, each read from the store when it is asked for, and closed at the end."""
    with ExitStack() as stack:
        yield (stack.enter_context(closing(StoredSegment(store.get(segment.digest)))) for segment in segments)
