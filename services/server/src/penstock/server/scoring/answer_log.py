"""Putting answered events on the log: before the reply, or in fast mode behind it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from penstock.bus.errors import RecordTooLarge
from penstock.contracts.topics import RECEIVED
from penstock.runtime.http.problems import RETRY_AFTER, Problem
from penstock.runtime.log_writer import BufferFull, LogWriter, WriteRequest, WriteUnconfirmed
from penstock.telemetry.names import SEND
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import message_span

log = logging.getLogger("penstock.server")


@dataclass(frozen=True, slots=True)
class Letter:
    """The sealed events of one request with their keys, and its traceparent, which the first event carries on."""

    ids: Sequence[str]
    values: Sequence[bytes]
    keys: Sequence[bytes]
    parent: bytes | None


class Records:
    """Writes the events of many requests at once; what befalls one request is told to it alone.

    `lost` hears how many events were answered but not confirmed.
    """

    def __init__(self, delivery: LogWriter, namespace: str, telemetry: Telemetry, lost: Callable[[int], None]) -> None:
        self._delivery = delivery
        self._namespace = namespace
        self._telemetry = telemetry
        self._lost = lost

    async def put(self, stream: str, letters: Sequence[Letter], *, wait: bool) -> list[Problem | None]:
        """Write the letters, and unless told not to `wait` until the broker has confirmed them.

        What is wrong with each, None when nothing is: one the log does not take, or all when the broker is away.
        """
        with ExitStack() as spans:
            parcels = [self._parcel(stream, letter, spans) for letter in letters]
            if wait:
                faults = await self._delivery.deliver(parcels)
                return [_problem(letter, fault) for letter, fault in zip(letters, faults, strict=True)]
            try:
                self._delivery.post(parcels, self._note_lost)
            except BufferFull:
                return [_overfull() for _ in letters]
            return [None] * len(letters)

    async def drain(self) -> None:
        """Wait for what was answered and is not confirmed yet."""
        await self._delivery.drain()

    def _note_lost(self, parcel: WriteRequest, error: Exception) -> None:
        count = len(parcel.values)
        log.warning("%s: %d answers were given that the log did not confirm: %r", parcel.stream, count, error)
        self._lost(count)

    def _parcel(self, stream: str, letter: Letter, spans: ExitStack) -> WriteRequest:
        header = None if letter.parent is None else self._traced(stream, letter.parent, spans)
        return WriteRequest(stream, letter.values, letter.keys, {} if header is None else {0: header})

    def _traced(self, stream: str, parent: bytes, spans: ExitStack) -> bytes | None:
        topic = RECEIVED.name(self._namespace, stream)
        return spans.enter_context(message_span(self._telemetry.tracer, SEND, topic, parent)).header()


def _problem(letter: Letter, fault: Exception | None) -> Problem | None:
    match fault:
        case None:
            return None
        case WriteUnconfirmed():
            return _unconfirmed(letter)
        case RecordTooLarge():
            return _too_large()
        case _:
            raise fault


def _too_large() -> Problem:
    return Problem(413, "too_large", "the log does not take an event of this size")


def _unconfirmed(letter: Letter) -> Problem:
    detail = "the log did not confirm: whether it has the events is unknown; the same ids are safe to send again"
    return Problem(503, "outcome_unknown", detail, headers=RETRY_AFTER, more={"ids": letter.ids})


def _overfull() -> Problem:
    detail = "too many answers await the log: these events were not taken; the same ids are safe to send again"
    return Problem(503, "overloaded", detail, headers=RETRY_AFTER)
