"""FastStream: a batch subscriber and `publish_batch`, on uvloop, without the casts and waits that are optional."""

from __future__ import annotations

import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from records import predict_events
from settings import BATCH, BATCH_BYTES, BROKER, GROUP, INPUT, LINGER_MS, OUTPUT

broker = KafkaBroker(BROKER, linger_ms=LINGER_MS, max_batch_size=BATCH_BYTES, apply_types=False, logger=None)
app = FastStream(broker, logger=None)


async def undecoded(message: KafkaMessage) -> tuple[bytes, ...]:
    """The values as bytes: the whole batch is decoded at once."""
    return message.body


@broker.subscriber(
    INPUT, group_id=GROUP, auto_offset_reset="earliest", batch=True, max_records=BATCH, decoder=undecoded
)  # fmt: skip
async def score(values: list[bytes]) -> None:
    """Publish a prediction for each event, without waiting for the broker's confirmation."""
    await broker.publish_batch(*(value for _, value in predict_events(values)), topic=OUTPUT, no_confirm=True)


uvloop.run(app.run())
