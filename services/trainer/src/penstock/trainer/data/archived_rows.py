"""The training rows of segments in the store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

from penstock.artifacts import Store
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Segment
from penstock.trainer.data.dataset import TrainingRows, rows_of
from penstock.trainer.data.parquet_segments import StoredSegment


def archived_rows(declaration: Declaration, segments: Sequence[Segment], store: Store) -> TrainingRows:
    """The rows of these segments.

    Raises:
        ArtifactError: one is missing or corrupt.
    """
    with ExitStack() as stack:
        stored = [stack.enter_context(closing(StoredSegment(store.get(segment.digest)))) for segment in segments]
        return rows_of(declaration, stored)
