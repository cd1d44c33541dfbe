"""The group's assignor on Kafka. Its unit is (stream, partition) over all topics of the group, so that what belongs
together is owned together: round-robin splits events and labels of one partition, range gives one member everything.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from penstock.bus.routes import Unit
from penstock.bus.unit_assignment import share_out


def unit_of(topic: str, partition: int, namespace: str) -> Unit:
    """The unit a place belongs to: topics of one stream share it, control topics are one."""
    stream, _, noun = topic.removeprefix(f"{namespace}.").rpartition(".")
    return Unit(stream or None, partition) if noun else Unit(None, partition)


def unit_assignor(namespace: str) -> type[AbstractPartitionAssignor]:
    """An assignor class of its own for one consumer: the client keeps what a member held on the class."""

    class UnitAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
        name = "penstock-units"
        version = 0
        held: list[Unit] = []  # noqa: RUF012 - one class for each consumer

        @classmethod
        def assign(cls, cluster: Any, members: dict[str, Any]) -> dict[str, Any]:
            topics = {topic for metadata in members.values() for topic in metadata.subscription}
            units: dict[Unit, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
            for topic in topics:
                for partition in cluster.partitions_for_topic(topic) or ():
                    units[unit_of(topic, partition, namespace)][topic].append(partition)
            held = {name: _held(metadata.user_data) for name, metadata in members.items()}
            shares = share_out(list(units), list(members), held)
            return {
                name: _assignment(cls.version, units, share, set(members[name].subscription))
                for name, share in shares.items()
            }

        @classmethod
        def metadata(cls, topics: Any) -> Any:
            return ConsumerProtocolMemberMetadata(cls.version, list(topics), json.dumps(cls.held).encode())

        @classmethod
        def on_assignment(cls, assignment: Any) -> None:
            cls.held = sorted(
                {unit_of(topic, number, namespace) for topic, numbers in assignment.assignment for number in numbers},
                key=lambda unit: (unit.stream or "", unit.partition),
            )

    return UnitAssignor


def _held(user_data: bytes | None) -> list[Unit]:
    try:
        return [Unit(stream, partition) for stream, partition in json.loads(user_data or b"[]")]
    except (ValueError, TypeError):
        return []


def _assignment(version: int, units: dict[Unit, dict[str, list[int]]], share: list[Unit], known: set[str]) -> Any:
    """The places of the units; a topic the member does not know of yet waits for its own next subscription."""
    places: dict[str, list[int]] = defaultdict(list)
    for unit in share:
        for topic, partitions in units[unit].items():
            if topic in known:
                places[topic] += partitions
    return ConsumerProtocolMemberAssignment(version, sorted(places.items()), b"")
