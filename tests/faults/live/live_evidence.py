"""The evidence of a stream of a real deployment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from penstock.artifacts import FileStore, Verifier
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.ports import Log, TopicPartition
from penstock.console.log_client import open_log
from penstock.console.replay.wait_until_quiet import group_partitions
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import CONTROL_PLANE, DATA_PLANE
from penstock.registry.db.engines import open_engine
from penstock.registry.db.transactions import Database
from tests.faults.checker.ledger import CommandRow, Operation
from tests.faults.evidence import Evidence
from tests.faults.live.site import Site
from tests.faults.recorded_log import Recorded


@asynccontextmanager
async def evidence_of(
    site: Site, stream: StreamDeclared, operations: Sequence[Operation], commands: Sequence[CommandRow]
) -> AsyncIterator[Evidence]:
    """What the deployment put out for a stream; the database is open for the length of the block."""
    home, deployment = site.stage.home, site.stage.deployment
    engine = open_engine(f"sqlite:///{home.database}")
    try:
        async with open_log(deployment) as log:
            yield Evidence(
                namespace=deployment.namespace,
                stream=stream.name,
                history=await _history(log, deployment.namespace, stream),
                database=Database(engine),
                store=FileStore(home.artifacts),
                verifier=Verifier.from_file(home.trusted_keys),
                operations=operations,
                commands=commands,
                lags=await lags_of(log, deployment.namespace, stream),
            )
    finally:
        engine.dispose()


async def _history(log: Log, namespace: str, stream: StreamDeclared) -> defaultdict[TopicPartition, list[Recorded]]:
    keys: list[TopicPartition] = [(topic.name(namespace), 0) for topic in CONTROL_PLANE]
    for topic in DATA_PLANE:
        keys += [(topic.name(namespace, stream.name), number) for number in range(topic.partitions(stream))]
    existing = await log.end_offsets(keys)
    reader = await log.reader(dict.fromkeys(existing, 0))
    history: defaultdict[TopicPartition, list[Recorded]] = defaultdict(list)
    try:
        for batch in await reader.read_to_end():
            history[batch.topic, batch.partition] += [
                Recorded(MemoryRecord(raw.offset, raw.timestamp, raw.key, raw.value, tuple(raw.headers or ())))
                for raw in batch.records
            ]
    finally:
        await reader.close()
    return history


async def lags_of(log: Log, namespace: str, stream: StreamDeclared) -> dict[str, int]:
    """By group and topic partition of a stream, and of the control plane, how far the group is behind."""
    lags: dict[str, int] = {}
    for group, keys in group_partitions(namespace, stream).items():
        committed, ends = await log.committed(group), await log.end_offsets(keys)
        lags |= {f"{group} {key[0]}/{key[1]}": end - committed.get(key, 0) for key, end in ends.items()}
    return lags
