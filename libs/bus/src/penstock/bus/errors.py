"""What can go wrong between a service and the log, by consequence."""

from __future__ import annotations


class TransientError(Exception):
    """Something outside is away for now: the work is dropped uncommitted and tried again after a pause."""


class BrokerUnavailable(TransientError):
    """The broker does not answer, or did not confirm a write: whether it took the write is unknown."""


class TooManyDeadLetters(RuntimeError):
    """More of a topic is unreadable than can be an accident: going on would empty it into the dead letters."""


class RecordTooLarge(ValueError):
    """A record is larger than the log takes; it was not written."""
