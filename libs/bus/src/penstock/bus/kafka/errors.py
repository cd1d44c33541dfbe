"""Kafka's errors by consequence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge


@contextmanager
def as_ours() -> Iterator[None]:
    """Turn what the client raises into what it means: too large, or the broker is away for now."""
    try:
        yield
    except MessageSizeTooLargeError as error:
        raise RecordTooLarge("the record is larger than the log takes") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"the broker did not answer as hoped: {type(error).__name__}: {error}") from error
