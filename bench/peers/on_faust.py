"""Faust: an agent that takes up to 1,000 events at a time, on uvloop; raw bytes, no tables, no leader topic."""

from __future__ import annotations

import sys
import tempfile

import faust
from records import predict_events
from settings import BATCH, BROKER, GROUP, INPUT, LINGER_MS, OUTPUT

WITHIN_S = 0.02

app = faust.App(
    GROUP,
    broker=f"kafka://{BROKER}",
    store="memory://",
    datadir=tempfile.mkdtemp(),
    consumer_auto_offset_reset="earliest",
    broker_max_poll_records=BATCH,
    stream_buffer_maxsize=16_384,
    stream_wait_empty=False,
    producer_linger_ms=LINGER_MS,
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_enabled=False,
    worker_redirect_stdouts=False,
)
events = app.topic(INPUT, value_type=bytes, value_serializer="raw")
predictions = app.topic(OUTPUT, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")


@app.agent(events)
async def score(stream: faust.StreamT[bytes]) -> None:
    """Predict the events that came within `WITHIN_S`, at most a batch."""
    async for values in stream.take(BATCH, within=WITHIN_S):
        for key, value in predict_events(values):
            await predictions.send(key=key, value=value)


sys.argv = [sys.argv[0], "--loop=uvloop", "worker", "--loglevel=error", "--without-web"]
app.main()
