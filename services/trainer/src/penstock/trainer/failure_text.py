"""A failure in one sentence, as the record of a run tells it."""

from __future__ import annotations

LONGEST_FAILURE = 1000  # characters: a failure may quote data


def first_line(error: Exception) -> str:
    """The first line of an error's text; the error's kind where it has none."""
    text = str(error).strip()
    return text.splitlines()[0][:LONGEST_FAILURE] if text else f"training ended with {type(error).__name__}"
