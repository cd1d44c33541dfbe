"""Frames of Parquet, of the library that is asked for, or of one that is installed."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

import narwhals.stable.v2 as nw

from penstock.client.errors import PenstockError
from penstock.client.frames import Library

PREFERRED: tuple[Library, ...] = ("polars", "pandas", "pyarrow")


def chosen_library(backend: Library | None) -> Library:
    """The library that is asked for, else the first that is installed of polars, pandas and pyarrow.

    Raises:
        PenstockError: it is not installed, or none is.
    """
    wanted = PREFERRED if backend is None else (backend,)
    for library in wanted:
        if find_spec(library) is not None:
            return library
    raise PenstockError(f"A frame needs {' or '.join(wanted)}, which is not installed: pip install {wanted[0]}")


def frame_of_parquet(content: bytes, backend: Library) -> Any:
    """The table in a Parquet file, as a frame of the library `backend`.

    Raises:
        PenstockError: the library cannot read Parquet; pandas needs pyarrow for it.
    """
    try:
        return nw.read_parquet(io.BytesIO(content), backend=backend).to_native()
    except ImportError as error:
        raise PenstockError(f"{backend} needs pyarrow to read Parquet: pip install pyarrow") from error
