"""What all parts of a declaration share: they are immutable, and refuse unknown keys and repeated names."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class StrictModel(BaseModel):
    """A table of `stream.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def distinct(names: tuple[T, ...]) -> tuple[T, ...]:
    """The names unchanged, if each is listed once.

    Raises:
        ValueError: a name is listed twice.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{repeated[0]!r} is listed twice")
    return names
