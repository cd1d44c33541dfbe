"""Query parameters."""

from __future__ import annotations

from urllib.parse import parse_qs

from penstock.runtime.http.problems import Problem

MAX_WAIT_MS = 30_000


def query_param(query: bytes, name: str) -> str | None:
    """The first value of a query parameter, None when it is absent.

    >>> query_param(b"source=till&source=web", "source")
    'till'
    """
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(name)
    return values[0] if values else None


def wait_seconds(query: bytes) -> float | None:
    """How long the request is to wait for its answer, in seconds; None when it does not.

    Raises:
        Problem: `wait` is not a number of milliseconds within the limit.
    """
    text = query_param(query, "wait") if query else None
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= MAX_WAIT_MS):
        raise Problem(422, "out_of_range", f"expected ?wait= with 0 to {MAX_WAIT_MS} ms", "wait")
    return int(text) / 1000
