"""What every part of a declaration shares: it is frozen, holds nothing unknown, and names nothing twice."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class StrictModel(BaseModel):
    """A table of a `stream.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def distinct(names: tuple[T, ...]) -> tuple[T, ...]:
    """The names, each of which stands once.

    Raises:
        ValueError: one stands twice.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands twice")
    return names
