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
from penstock.bus.unit_assignment import assign_units, sort_units, unit_of

UnitPartitions = dict[Unit, dict[str, list[int]]]
"""The partitions of each unit, by topic."""


def unit_assignor(namespace: str) -> type[AbstractPartitionAssignor]:
    """An assignor class of its own for one consumer: the client keeps a member's assignment on the class."""

    class UnitAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
        name = "penstock-units"
        version = 0
        assigned_units: list[Unit] = []  # noqa: RUF012 - one class for each consumer

        @classmethod
        def assign(cls, cluster: Any, members: dict[str, Any]) -> dict[str, Any]:
            topics = {topic for metadata in members.values() for topic in metadata.subscription}
            units: UnitPartitions = defaultdict(lambda: defaultdict(list))
            for topic in topics:
                for partition in cluster.partitions_for_topic(topic) or ():
                    units[unit_of(topic, partition, namespace)][topic].append(partition)
            previous = {name: _units_in(metadata.user_data) for name, metadata in members.items()}
            assignment = assign_units(list(units), list(members), previous)
            return {
                name: _member_assignment(cls.version, units, share, set(members[name].subscription))
                for name, share in assignment.items()
            }

        @classmethod
        def metadata(cls, topics: Any) -> Any:
            return ConsumerProtocolMemberMetadata(cls.version, list(topics), json.dumps(cls.assigned_units).encode())

        @classmethod
        def on_assignment(cls, assignment: Any) -> None:
            cls.assigned_units = sort_units(
                {unit_of(topic, number, namespace) for topic, numbers in assignment.assignment for number in numbers}
            )

    return UnitAssignor


def _units_in(user_data: bytes | None) -> list[Unit]:
    try:
        return [Unit(stream, partition) for stream, partition in json.loads(user_data or b"[]")]
    except (ValueError, TypeError):
        return []


def _member_assignment(version: int, units: UnitPartitions, share: list[Unit], subscription: set[str]) -> Any:
    """The partitions of a member's units, without topics that the member does not subscribe to yet."""
    partitions: dict[str, list[int]] = defaultdict(list)
    for unit in share:
        for topic, numbers in units[unit].items():
            if topic in subscription:
                partitions[topic] += numbers
    return ConsumerProtocolMemberAssignment(version, sorted(partitions.items()), b"")
