"""A temporary file as a response: it has no name, so that nothing is left of it once it is closed."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from typing import IO

from starlette.responses import StreamingResponse

BLOCK = 1 << 20  # bytes
PARQUET, ZIP = "application/vnd.apache.parquet", "application/zip"


async def respond_with_file(
    write: Callable[[IO[bytes]], Awaitable[object]], media_type: str, name: str
) -> StreamingResponse:
    """What `write` puts into a file, as an attachment of this name."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (closed once it is sent)
    try:
        await write(file)
    except BaseException:
        file.close()
        raise
    headers = {
        "content-length": str(file.seek(0, 2)),
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    file.seek(0)
    return StreamingResponse(_blocks(file), headers=headers, media_type=media_type)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block
