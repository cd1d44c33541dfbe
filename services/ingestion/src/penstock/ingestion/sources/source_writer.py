"""What sources give onto the log: to `received`, as producers write there, and to `rejected`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from penstock.bus.errors import BrokerUnavailable
from penstock.contracts.batch import Headers
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.sources.message_decoder import DecodedBatch
from penstock.ingestion.sources.record_mapping import MappedRecord
from penstock.runtime.log_writer import LogWriter, WriteRequest
from penstock.runtime.service import Resources
from penstock.telemetry.names import TRACEPARENT
from penstock.telemetry.spans import send_spans


class SourceWriter:
    """Writes the records and rejections of one stream, and waits until the log has confirmed all of them."""

    def __init__(self, stream: str, resources: Resources, received: LogWriter, rejected: LogWriter) -> None:
        self._stream = stream
        self._topic = RECEIVED.name(resources.namespace, stream)
        self._telemetry = resources.telemetry
        self._metrics = resources.metrics
        self._received = received
        self._rejected = rejected

    async def write(self, batches: Sequence[DecodedBatch]) -> None:
        """Write them.

        Raises:
            BrokerUnavailable: the log did not confirm; whether it has them is unknown.
        """
        records = [record for batch in batches for record in batch.records]
        rejections = [rejection for batch in batches for rejection in batch.rejections]
        if records:
            await self._write_records(records)
        if rejections:
            await self._write_rejections(rejections)

    async def _write_records(self, records: Sequence[MappedRecord]) -> None:
        with ExitStack() as spans:
            ids = [record.event_id for record in records]
            traceparents = send_spans(self._telemetry, self._topic, self._stream, ids, None, spans)
            headers: dict[int, Headers] = {index: ((TRACEPARENT, value),) for index, value in traceparents.items()}
            request = WriteRequest([record.value for record in records], [record.key for record in records], headers)
            await self._write(self._received, request)
        self._metrics.count_produced(self._topic, len(records))

    async def _write_rejections(self, rejections: Sequence[tuple[bytes, Rejection]]) -> None:
        values, keys = [encode(rejection) for _, rejection in rejections], [key for key, _ in rejections]
        await self._write(self._rejected, WriteRequest(values, keys))
        self._metrics.count_rejected(self._topic, len(rejections))

    async def _write(self, writer: LogWriter, request: WriteRequest) -> None:
        (error,) = await writer.write(self._stream, [request])
        if error is not None:
            raise BrokerUnavailable("the log did not confirm what was read; it is read again") from error
