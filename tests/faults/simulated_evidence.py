"""The evidence of a simulated run."""

from __future__ import annotations

from tests.faults.client import Client
from tests.faults.declaration import NAMESPACE, STREAM
from tests.faults.deployment import Deployment
from tests.faults.evidence import Evidence


def evidence_of(client: Client) -> Evidence:
    """All that is left of a run, whatever its faults took from the log."""
    deployment = client.deployment
    return Evidence(
        namespace=NAMESPACE,
        stream=STREAM,
        history=deployment.log.history,
        database=deployment.registry.database,
        store=deployment.store,
        verifier=deployment.verifier,
        operations=client.producer.operations,
        commands=client.commands,
        lags=_lags(deployment),
        damaged=bool(deployment.damaged),
    )


def _lags(deployment: Deployment) -> dict[str, int]:
    lags = {}
    for member in deployment.members.values():
        group = member.worker.group
        for topic in group.topics:
            for key in deployment.log.partitions_of(topic.name(NAMESPACE, STREAM if topic.plane == "data" else None)):
                partition = deployment.log.partition(key)
                assert partition is not None
                committed = deployment.log.commits(group.name).get(key, partition.beginning)
                lags[f"{group.name} {key[0]}/{key[1]}"] = partition.end - committed
    return lags
