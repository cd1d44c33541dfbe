"""Events or labels on their way to ingestion, and the receipt for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from penstock.client.batch_sender import Progress, send_batches
from penstock.client.batches import Batch, batches_of, rows_of
from penstock.client.documents import DocumentWriter
from penstock.client.errors import PenstockError, Refused
from penstock.client.receipts import Kind, Receipt, Refusal
from penstock.client.services import LAGGING, Services

SENT_AT_ONCE = 1000  # rows of a request
NDJSON = {"content-type": "application/x-ndjson"}


class _Verdicts(msgspec.Struct):
    accepted: int
    refused: list[Refusal]


@dataclass(frozen=True)
class Submission:
    """Rows of a stream, of one kind, as `writer` makes documents of them."""

    services: Services
    stream: str
    kind: Kind
    writer: DocumentWriter
    in_flight: int

    async def send(self, rows: object, progress: Progress | None) -> Receipt:
        """Send the rows.

        Raises:
            Refused: the only row was refused, or all of them as a whole.
            Unavailable: ingestion did not take a batch in time; the error's `receipt` tells how far it came.
        """
        url = f"{await self.services.url('ingestion')}/v1/streams/{self.stream}/{self.kind}"
        receipt = Receipt(self.stream, self.kind)
        try:
            await self._send_batches(url, rows, receipt, progress)
        except PenstockError as error:
            error.receipt = receipt
            raise
        receipt.refused.sort(key=lambda refusal: refusal.index)
        if isinstance(rows, Mapping) and receipt.refused:
            raise refused_row(url, receipt.refused[0])
        return receipt

    async def _send_batches(self, url: str, rows: object, receipt: Receipt, progress: Progress | None) -> None:
        async def send(batch: Batch) -> None:
            if batch.documents:
                verdicts = await self._post(url, batch)
                receipt.accepted += verdicts.accepted
                receipt.refused += (
                    msgspec.structs.replace(refusal, index=batch.places[refusal.index]) for refusal in verdicts.refused
                )
            receipt.refused += batch.refused
            receipt.absent += batch.absent
            if progress is not None:
                progress(batch.rows)

        def counted() -> Iterable[Batch]:
            for batch in batches_of(rows_of(rows), self.writer, SENT_AT_ONCE):
                receipt.ids += batch.ids
                yield batch

        await send_batches(counted(), send, self.in_flight)

    async def _post(self, url: str, batch: Batch) -> _Verdicts:
        content = await self.services.requests.send(
            "POST",
            url,
            content=b"\n".join(batch.documents),
            headers=NDJSON,
            repeated=LAGGING,
            accepted=("none_accepted",),
        )
        return msgspec.json.decode(content, type=_Verdicts)


def refused_row(url: str, refusal: Refusal) -> Refused:
    """The error for the only row of a call."""
    return Refused(f"POST {url}", 422, refusal.code, refusal.detail, refusal.field)
