"""Bytewax: `flat_map_batch` over the batches of its own Kafka source, one worker.

`fetch.queue.backoff.ms` is librdkafka's: its default of a second lets a fast consumer wait.
"""

from __future__ import annotations

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main
from records import predict_events
from settings import BATCH, BATCH_BYTES, BROKER, INPUT, LINGER_MS, OUTPUT

BEGINNING = -2


def score(messages: list[KafkaSourceMessage]) -> list[KafkaSinkMessage]:
    """A prediction for each event."""
    return [KafkaSinkMessage(key, value) for key, value in predict_events([message.value for message in messages])]


flow = Dataflow("score")
source = KafkaSource(
    [BROKER],
    [INPUT],
    starting_offset=BEGINNING,
    batch_size=BATCH,
    add_config={"fetch.queue.backoff.ms": "10", "queued.min.messages": "100000"},
)
sink = KafkaSink(
    [BROKER],
    OUTPUT,
    add_config={
        "linger.ms": str(LINGER_MS),
        "batch.size": str(BATCH_BYTES),
        "queue.buffering.max.messages": "500000",
    },
)
op.output("out", op.flat_map_batch("score", op.input("in", flow, source), score), sink)
run_main(flow)
