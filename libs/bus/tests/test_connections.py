"""A connection that is closed in the moment of a write fails as a lost one, on uvloop too, which services run on."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from aiokafka import conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.kafka.errors import translate_kafka_errors
from penstock.bus.kafka.log import KafkaLog


async def write_to_a_closed_transport() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = conn.AIOKafkaConnection("127.0.0.1", port, request_timeout_ms=1000)
    connection._versions = {MetadataRequest([]).API_KEY: (0, 4)}
    connection._reader, connection._writer = await asyncio.open_connection("127.0.0.1", port)
    connection._read_task = asyncio.create_task(asyncio.Event().wait())
    connection._writer.transport.abort()
    await asyncio.sleep(0)  # a turn in which the transport is closed
    try:
        with pytest.raises(KafkaConnectionError):
            await connection.send(MetadataRequest([]))
    finally:
        connection.close()
        server.close()


def test_a_write_to_a_connection_that_was_just_closed_is_a_lost_connection() -> None:
    assert KafkaLog is not None  # whatever connects is imported through it
    uvloop.run(write_to_a_closed_transport())


async def test_a_request_that_the_client_gave_up_is_no_cancellation_of_ours() -> None:
    with pytest.raises(BrokerUnavailable, match="gave the request up"), translate_kafka_errors():
        raise asyncio.CancelledError

    async def wait() -> None:
        with translate_kafka_errors():
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
