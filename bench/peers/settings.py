"""Settings of a peer from its environment: the broker, the topics to read and write, the group."""

from __future__ import annotations

import os

BROKER = os.environ["BENCH_BROKER"]
INPUT = os.environ["BENCH_INPUT"]
OUTPUT = os.environ["BENCH_OUTPUT"]
GROUP = os.environ["BENCH_GROUP"]

BATCH = 1000  # records per step, if a peer has the option
LINGER_MS = 5
BATCH_BYTES = 256 * 1024
