"""Reads the records of a topic from the log of a deployment in this process."""

from __future__ import annotations

from typing import Any

from penstock.bus.memory.log import MemoryLog
from penstock.contracts.batch import Unreadable
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import Topic


def records_of(log: MemoryLog, topic: Topic[Any], stream: StreamDeclared) -> list[Any]:
    """All records of a stream's topic, or of a control topic: one partition after the other, decoded."""
    name = topic.name("penstock", stream.name if topic.plane == "data" else None)
    decode = topic.decoder(stream)
    records = [record for partition in log.partitions_of(name) for record in decode(log.records_of(partition))]
    assert not any(isinstance(record, Unreadable) for record in records)
    return records
