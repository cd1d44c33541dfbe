"""Bounds of what producers and owners may send: within them every later stage can carry it, beyond them it is refused.

Times stay within what `astimezone`, microseconds in 64 bits and datetime64 hold after a horizon was added. Squares of
numbers, and sums of these, stay finite. An event of 1,000,000 bytes (the log's limit) with its prediction and its label
fits one outcome of 1,500,000: names that are missing and written as null add `MOST_NAME_BYTES`, a prediction with as
many classes and lag features as there may be 200,000, numbers written out 100,000, and a class six bytes a character.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EARLIEST_TIME = datetime(1900, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2200, 1, 1, tzinfo=UTC)  # the first time that is too late

LARGEST_NUMBER = 1e100  # of either sign
LARGEST_INTEGER = 2.0**53  # beyond it a float64 cannot tell neighbouring integers apart

LONGEST_CLASS = 2048  # characters of a class, declared, in a label or in a prediction that an event carries
LONGEST_ENTITY = 512  # characters, as of any id: a label must be able to name the entity
LONGEST_DERIVED_SOURCE = 600  # characters: a source of 512, and what says which record was derived from it

MOST_CLASSES = 1000  # of a stream: each prediction holds a probability, and each expert's answer, for every class
MOST_NAME_BYTES = 100_000  # of all names of a stream's fields
MOST_RUNNING_MEANS = 2000  # of a stream's inputs: each prediction holds their values


def is_in_bounds(time: datetime) -> bool:
    """Whether a time may be sent.

    >>> is_in_bounds(datetime.fromisoformat("0001-01-01T00:00:00+01:00"))
    False
    """
    return EARLIEST_TIME <= time < END_OF_TIME


def to_utc(time: datetime) -> datetime:
    """The time in UTC; the nearest in bounds for one of an older record that no check refused.

    >>> to_utc(datetime.fromisoformat("0001-01-01T00:00:00+01:00")).isoformat()
    '1900-01-01T00:00:00+00:00'
    """
    if is_in_bounds(time):
        return time.astimezone(UTC)
    return EARLIEST_TIME if time < EARLIEST_TIME else END_OF_TIME - timedelta.resolution


def is_too_large(value: str | float | bool) -> bool:
    """Whether a label or a prediction is a number or a text beyond the bounds."""
    if isinstance(value, str):
        return len(value) > LONGEST_CLASS
    return abs(value) > LARGEST_NUMBER
