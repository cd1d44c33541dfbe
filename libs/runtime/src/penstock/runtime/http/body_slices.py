"""Splitting a body into the documents in it, slice by slice: no body keeps other requests waiting for long.

A slice is what is split between two turns of the event loop. Splitting stops at the first document too many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from penstock.runtime.http.array_splitter import ArraySplitter, Slices

SLICE_BYTES = 8 << 10  # of lines that are split at a time; a line that ends later is split with them
DOCUMENTS = 250  # decoded and checked before other requests get their turn
DOCUMENT_BYTES = 64 << 10  # of them; a larger one is decoded in a thread
DOCUMENT_FIELDS = 100_000  # of them, as many as the stream declares for each


async def first_documents(slices: Slices, count: int) -> list[bytes]:
    """The documents of a body, at most `count`: of a body with more, some more than `count`.

    Raises:
        Problem: the body cannot be split.
    """
    documents = next(slices, [])
    for more in slices:
        await asyncio.sleep(0)
        documents += more
        if len(documents) > count:
            break
    return documents


def array_slices(body: bytes) -> Slices:
    """The items of a JSON array; one that is JSON but for NaN or Infinity is an item as well.

    >>> [item for items in array_slices(b'[{"x": 1.50}, NaN]') for item in items]
    [b'{"x": 1.50}', b'NaN']

    Raises:
        Problem: the body is no JSON array, or an item of it has more values than a record may have.
    """
    return ArraySplitter(body).slices()


def line_slices(body: bytes) -> Slices:
    r"""The lines of a body, without blank ones.

    >>> list(line_slices(b"1\n \r\n2"))
    [[b'1', b'2']]
    """
    start = 0
    while start < len(body):
        end = body.find(b"\n", start + SLICE_BYTES)
        end = len(body) if end < 0 else end
        yield [line for line in map(bytes.strip, body[start:end].split(b"\n")) if line]
        start = end + 1


def documents_at_a_time(fields: int) -> int:
    """How many documents of so many fields are decoded and checked at a time.

    >>> documents_at_a_time(22), documents_at_a_time(1000)
    (250, 100)
    """
    return max(1, min(DOCUMENTS, DOCUMENT_FIELDS // max(1, fields)))


def slices_of(documents: Sequence[bytes], most: int = DOCUMENTS) -> Iterator[Sequence[bytes]]:
    """Consecutive documents, at most `most` and `DOCUMENT_BYTES` at a time, or one that is larger.

    >>> [len(part) for part in slices_of([b"1"] * (DOCUMENTS + 1))]
    [250, 1]
    """
    start = size = 0
    for index, document in enumerate(documents):
        size += len(document)
        if index > start and (index - start == most or size > DOCUMENT_BYTES):
            yield documents[start:index]
            start, size = index, len(document)
    if documents:
        yield documents[start:]
