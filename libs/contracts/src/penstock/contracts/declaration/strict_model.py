"""What all parts of a declaration share: they are immutable, and refuse unknown keys and repeated names."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

T = TypeVar("T")

DURATION_EXAMPLES = "such as P30D (30 days), PT12H (12 hours) or PT1M (1 minute)"


class StrictModel(BaseModel):
    """A table of `stream.toml`; the text below a key says what it means, also in the generated reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def distinct(names: tuple[T, ...]) -> tuple[T, ...]:
    """The names unchanged, if each is listed once.

    Raises:
        ValueError: a name is listed twice.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{repeated[0]!r} is listed twice")
    return names


def _check_duration(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise ValueError(f"must be longer than zero, {DURATION_EXAMPLES}")
    return duration


Duration = Annotated[timedelta, AfterValidator(_check_duration)]
