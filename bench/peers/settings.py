"""What a peer is told: where the broker is, what to read, where to write."""

from __future__ import annotations

import os

BROKER = os.environ["BENCH_BROKER"]
INPUT = os.environ["BENCH_INPUT"]
OUTPUT = os.environ["BENCH_OUTPUT"]
GROUP = os.environ["BENCH_GROUP"]

BATCH = 1000  # records a step, where a peer lets one say
LINGER_MS = 5
BATCH_BYTES = 256 * 1024
