"""Kafka's errors by their consequence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnrecognizedBrokerVersion,
    UnsupportedCodecError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)

from penstock.bus.errors import AccessDenied, BrokerUnavailable, RecordTooLarge, UnsupportedBroker

NO_ACCESS = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
NO_LOGIN = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
TOO_OLD = (UnsupportedVersionError, IncompatibleBrokerVersion, UnrecognizedBrokerVersion)


@contextmanager
def translate_kafka_errors() -> Iterator[None]:
    """Raise the client's errors as the bus's.

    Raises:
        RecordTooLarge: the record was not written.
        AccessDenied: the broker refuses the login, or what the client wants to do.
        UnsupportedBroker: the broker is too old.
        BrokerUnavailable: anything else, which may be over soon.
    """
    try:
        yield
    except MessageSizeTooLargeError as error:
        raise RecordTooLarge("the record is larger than the log takes") from error
    except NO_ACCESS as error:
        raise AccessDenied(
            f"the broker refuses access: {_text(error)}; grant it to the user of this service"
        ) from error
    except NO_LOGIN as error:
        raise AccessDenied(f"the broker refuses the login: {_text(error)}; check the KAFKA_ settings") from error
    except TOO_OLD as error:
        raise UnsupportedBroker(f"the broker is too old: {_text(error)}; Kafka 3.7 or newer is needed") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"the broker failed or did not answer: {_text(error)}") from error
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise BrokerUnavailable("the client gave the request up") from error


def is_cancelled() -> bool:
    """Whether it is the running task that is cancelled, rather than something that it waits for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def unreadable_reason(error: Exception) -> str:
    """Why records that were fetched, or should be, cannot be read, and what to do."""
    if isinstance(error, TopicAuthorizationFailedError):
        return "no permission to read the topic; grant it to the user of this service"
    if isinstance(error, UnsupportedCodecError):
        return f"{error}; records may be compressed with gzip, snappy, lz4 or zstd, which need the package cramjam"
    return (
        f"the batch is corrupt ({_text(error)}); if every replica has it so, "
        "delete the records up to its end (kafka-delete-records) to have those behind it read"
    )


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
