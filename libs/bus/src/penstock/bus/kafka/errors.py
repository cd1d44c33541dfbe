"""Kafka's errors by their consequence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge


@contextmanager
def translate_kafka_errors() -> Iterator[None]:
    """Raise the client's errors as the bus's: the record is too large, or the broker is away for now."""
    try:
        yield
    except MessageSizeTooLargeError as error:
        raise RecordTooLarge("the record is larger than the log takes") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"the broker failed or did not answer: {type(error).__name__}: {error}") from error
