"""The cluster that a service works with: another one that answers at its address is refused."""

from __future__ import annotations

from typing import Any

from penstock.bus.errors import OtherCluster


class KnownCluster:
    """The id of the cluster: as it is set, else that of the first that answered. A client's metadata names its own."""

    def __init__(self, cluster_id: str | None = None) -> None:
        self._id = cluster_id
        self._refusal: str | None = None

    def watch(self, client: Any) -> None:
        """Have aiokafka's `client` know no broker as long as it is another cluster's that answers it."""
        cluster = client.cluster
        accept = cluster.update_metadata

        def update_metadata(metadata: Any) -> None:
            if self._admits(metadata.cluster_id):
                accept(metadata)
            else:
                cluster._brokers, cluster._partitions = {}, {}
                cluster.failed_update(None)

        cluster.update_metadata = update_metadata

    @property
    def is_refused(self) -> bool:
        """Whether it was another cluster that answered last."""
        return self._refusal is not None

    def check(self) -> None:
        """Raise if another cluster has answered.

        Raises:
            OtherCluster: it has; positions and epochs of this service mean nothing there.
        """
        if self._refusal is not None:
            raise OtherCluster(self._refusal)

    def _admits(self, cluster_id: str | None) -> bool:
        self._id = self._id or cluster_id
        is_known = cluster_id in (None, self._id)
        self._refusal = (
            None
            if is_known
            else (
                f"the broker belongs to cluster {cluster_id}, this service works with cluster {self._id}: start the "
                "right broker again, or set KAFKA_CLUSTER_ID and begin with an empty data folder"
            )
        )
        return is_known
