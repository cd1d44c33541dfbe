"""How many bytes each topic partition has on the brokers' disks: DescribeLogDirs, which the client does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from penstock.bus.ports import TopicPartition


class _LogDirsResponse(Response):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "log_dirs",
            CompactArray(
                ("error_code", Int16),
                ("log_dir", CompactString("utf-8")),
                (
                    "topics",
                    CompactArray(
                        ("name", CompactString("utf-8")),
                        (
                            "partitions",
                            CompactArray(
                                ("partition", Int32),
                                ("size", Int64),
                                ("offset_lag", Int64),
                                ("is_future", Boolean),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _LogDirsRequestStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 35
    API_VERSION = 3
    RESPONSE_TYPE = _LogDirsResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class _LogDirsRequest(Request[_LogDirsRequestStruct]):  # type: ignore[misc]
    """Version 3 is the first that says when it is not permitted."""

    API_KEY = 35

    def __init__(self, partitions: Mapping[str, Sequence[int]]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[_LogDirsRequestStruct]) -> _LogDirsRequestStruct:
        topics: list[tuple[str, list[int], dict[int, bytes]]] = [
            (topic, list(numbers), {}) for topic, numbers in self._partitions.items()
        ]
        return request_struct_class(topics, {})


async def partition_sizes(
    admin: AIOKafkaAdminClient, partitions: Mapping[str, Sequence[int]]
) -> dict[TopicPartition, int]:
    """The bytes of each topic partition, on the broker that has most of it.

    Raises:
        aiokafka.errors.KafkaError: a broker is away, or does not permit it (DESCRIBE on the cluster).
    """
    sizes: dict[TopicPartition, int] = {}
    for broker in admin._client.cluster.brokers():
        response: Any = await admin._send_request_to_node(broker.nodeId, _LogDirsRequest(partitions))
        if response.error_code:
            raise for_code(response.error_code)("DescribeLogDirs")
        for _, _, topics, _ in response.log_dirs:
            for topic, replicas, _ in topics:
                for number, size, *_ in replicas:
                    sizes[topic, number] = max(size, sizes.get((topic, number), 0))
    return sizes
