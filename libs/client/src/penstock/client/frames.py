"""Frames of pandas, polars and pyarrow, by narwhals: none of them needs to be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import narwhals.stable.v2 as nw

Library = Literal["pandas", "polars", "pyarrow"]

SLICE = 1000  # rows of a frame that are turned into Python's values at a time


def as_frame(rows: object) -> nw.DataFrame[Any] | None:
    """The rows as a frame, None when they are none."""
    frame = nw.from_native(rows, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def frame_rows(frame: nw.DataFrame[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a frame by column, as Python's values."""
    names = [str(name) for name in frame.columns]
    for start in range(0, len(frame), SLICE):
        columns = frame[start : start + SLICE].to_dict(as_series=False)
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(names, values, strict=True))


def frame_of(columns: Mapping[str, Sequence[Any]], backend: Library, like: nw.DataFrame[Any] | None = None) -> Any:
    """A frame of these columns, of the library `backend`; where `like` has an index, with the same one."""
    frame = nw.from_dict(dict(columns), backend=backend).to_native()
    index = None if like is None else nw.maybe_get_index(like)
    if index is not None:
        frame.index = index
    return frame
