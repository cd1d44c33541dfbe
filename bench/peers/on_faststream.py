"""FastStream: a batch subscriber and `publish_batch`, on uvloop, without the casts and waits that it lets one leave out."""

from __future__ import annotations

import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from records import answers
from settings import BATCH, BATCH_BYTES, BROKER, GROUP, INPUT, LINGER_MS, OUTPUT

broker = KafkaBroker(BROKER, linger_ms=LINGER_MS, max_batch_size=BATCH_BYTES, apply_types=False, logger=None)
app = FastStream(broker, logger=None)


async def as_it_is(message: KafkaMessage) -> tuple[bytes, ...]:
    """The values undecoded: one decode of the batch follows."""
    return message.body


@broker.subscriber(
    INPUT, group_id=GROUP, auto_offset_reset="earliest", batch=True, max_records=BATCH, decoder=as_it_is
)  # fmt: skip
async def score(values: list[bytes]) -> None:
    """Publish a prediction for each event, and take the next batch while it is on its way."""
    await broker.publish_batch(*(value for _, value in answers(values)), topic=OUTPUT, no_confirm=True)


uvloop.run(app.run())
