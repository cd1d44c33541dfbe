"""Quix Streams: a `BatchingSink`, its hook for batches, which produces with the client that Quix brings.

`fetch.queue.backoff.ms` is librdkafka's: its default of a second lets a fast consumer wait.
"""

from __future__ import annotations

from confluent_kafka import Producer
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch
from records import predict_events
from settings import BATCH, BATCH_BYTES, BROKER, GROUP, INPUT, LINGER_MS, OUTPUT

PRODUCER = {
    "linger.ms": LINGER_MS,
    "batch.size": BATCH_BYTES,
    "queue.buffering.max.messages": 500_000,
}
CONSUMER = {"fetch.queue.backoff.ms": 10, "queued.min.messages": 100_000}


class Scorer(BatchingSink):
    """Scores what a checkpoint holds."""

    def __init__(self) -> None:
        super().__init__()
        self._producer = Producer({"bootstrap.servers": BROKER, **PRODUCER})

    def write(self, batch: SinkBatch) -> None:
        """Produce a prediction for each event."""
        for key, value in predict_events([item.value for item in batch]):
            self._producer.produce(OUTPUT, value, key)
        self._producer.poll(0)


app = Application(
    broker_address=BROKER,
    consumer_group=GROUP,
    auto_offset_reset="earliest",
    loglevel="ERROR",
    auto_create_topics=False,
    use_changelog_topics=False,
    commit_every=BATCH,
    commit_interval=1.0,
    consumer_extra_config=CONSUMER,
    producer_extra_config=PRODUCER,
)
app.dataframe(app.topic(INPUT, value_deserializer="bytes")).sink(Scorer())
app.run()
