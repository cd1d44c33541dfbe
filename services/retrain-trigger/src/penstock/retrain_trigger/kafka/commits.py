"""Faust's consumer, which believes that a commit was made that the broker refused.

It then commits no record before that position: where no later one comes, the group stays behind its topics, although it
is handed those records again and handles them.
"""

from __future__ import annotations

from collections.abc import Mapping

from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP


class CommitTrackingConsumer(Consumer):
    """Knows which commits were refused: whatever they held is committed once it is handled again."""

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        before = {partition: self._committed_offset[partition] for partition in offsets}
        is_made: bool = await super()._commit_offsets(offsets, start_new_transaction)
        if not is_made:
            believed = {partition for partition, at in offsets.items() if self._committed_offset[partition] == at}
            self._committed_offset.update({partition: before[partition] for partition in believed})
        return is_made
