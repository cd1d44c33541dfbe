"""Putting answered events on the log, within a bound of time and memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.publishing import Publisher
from penstock.contracts.batch import Outputs
from penstock.contracts.events import Event
from penstock.contracts.received import Received
from penstock.contracts.topics import RECEIVED
from penstock.runtime.problems import RETRY_AFTER, Problem
from penstock.telemetry.names import SEND
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import message_span

CONFIRMED_WITHIN = 10.0  # seconds a client waits for the broker before it is told to try again
MOST_UNCONFIRMED = 100_000  # events

log = logging.getLogger("penstock.server")


class Delivery:
    """Writes events to `received` and waits until the broker has confirmed them."""

    def __init__(self, publisher: Publisher, namespace: str, telemetry: Telemetry) -> None:
        self._publisher = publisher
        self._namespace = namespace
        self._telemetry = telemetry
        self._unconfirmed = 0

    async def deliver(
        self, stream: str, events: Sequence[Event[Any]], keys: Sequence[bytes], parent: bytes | None
    ) -> None:
        """Write the events of one request; `parent` is its traceparent, which the first event carries on.

        Raises:
            Problem: the broker did not confirm in time, or an event is larger than it takes.
        """
        if self._unconfirmed + len(events) > MOST_UNCONFIRMED:
            raise _unconfirmed(events)
        causes = [0] + [-1] * (len(events) - 1)
        outputs: Outputs[Received] = Outputs(RECEIVED, stream, events, keys, causes=causes)
        with message_span(self._telemetry.tracer, SEND, RECEIVED.name(self._namespace, stream), parent) as span:
            header = span.header()
            write = asyncio.ensure_future(
                self._publisher.publish([outputs], lambda cause: header if cause == 0 else None)
            )
            await self._confirmed(write, events)

    async def _confirmed(self, write: asyncio.Future[None], events: Sequence[Event[Any]]) -> None:
        """Wait, but never cancel: a write that is under way cannot be taken back."""
        self._unconfirmed += len(events)
        write.add_done_callback(lambda done: self._finished(done, len(events)))
        await asyncio.wait({write}, timeout=CONFIRMED_WITHIN)
        if not write.done():
            raise _unconfirmed(events)
        try:
            write.result()
        except BrokerUnavailable as error:
            raise _unconfirmed(events) from error
        except RecordTooLarge as error:
            raise Problem(413, "too_large", "the log does not take an event of this size") from error

    def _finished(self, write: asyncio.Future[None], count: int) -> None:
        self._unconfirmed -= count
        if not write.cancelled() and write.exception() is not None:
            log.warning("not confirmed: %s", write.exception())


def _unconfirmed(events: Sequence[Event[Any]]) -> Problem:
    detail = "the log did not confirm: whether it has the events is unknown; the same ids are safe to send again"
    ids = {"ids": [event.id for event in events]}
    return Problem(503, "outcome_unknown", detail, headers=RETRY_AFTER, more=ids)
