"""Errors between a service and the log, by their consequence."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

log = logging.getLogger(__name__)


class TransientError(Exception):
    """Something outside is away for now: the work is dropped uncommitted and retried after a pause."""


class BrokerUnavailable(TransientError):
    """The broker does not answer, or did not confirm a write: whether it took the write is unknown."""


class AccessDenied(TransientError):
    """The broker does not let this client do it: it waits until it is permitted."""


class UnreadableBatch(TransientError):
    """A batch on the log is corrupt, or compressed in a way that is not known."""


class StateLocked(TransientError):
    """A unit's state is open elsewhere: its owner before has not closed it yet."""


class StateBehind(TransientError):
    """A unit's state is being brought up to its newest checkpoint, which takes a while; other units go on."""


class ReplacedTopic(TransientError):
    """A topic that is read whole lost records, or was deleted and made anew: what was read of it no longer holds."""


class OtherCluster(TransientError):
    """Another cluster answers at the broker's address: nothing is read or written until the right one is back."""


class UnsupportedBroker(RuntimeError):
    """The broker does not speak what Penstock needs of it: no waiting helps."""


class TooManyDeadLetters(RuntimeError):
    """More of a unit than can be an accident cannot be read or handled: it is suspended, before all is put aside."""


class RecordTooLarge(ValueError):
    """A record is larger than the log takes; it was not written."""


async def suppress_transient(work: Awaitable[None]) -> None:
    """Await `work`; a transient error is only logged. For closing, and for what is repeated anyway if it fails."""
    try:
        await work
    except TransientError as error:
        log.info("left undone: %s", error)
