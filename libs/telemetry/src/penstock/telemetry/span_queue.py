"""Ended spans on their way to a collector: the hot path appends to a queue, a thread does all the rest."""

from __future__ import annotations

import threading
from collections import deque

from penstock.telemetry.ended_span import EndedSpan
from penstock.telemetry.exporters import BestEffortExporter

QUEUE_SPANS = 8192
BATCH_SPANS = 512
EXPORT_EVERY_S = 1.0
STOP_WITHIN_S = 5.0


class SpanQueue:
    """Holds ended spans until they are exported, once a second; beyond 8192 the oldest are dropped."""

    def __init__(self, exporter: BestEffortExporter) -> None:
        self._exporter = exporter
        self._spans: deque[EndedSpan] = deque(maxlen=QUEUE_SPANS)
        self.add = self._spans.append
        self._stopping = threading.Event()
        self._exporting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="span export", daemon=True)
        self._thread.start()

    def flush(self) -> None:
        """Export what is in the queue."""
        with self._exporting:
            while self._spans:
                count = min(BATCH_SPANS, len(self._spans))
                self._exporter.export([self._spans.popleft() for _ in range(count)])

    def stop(self) -> None:
        """Export what is in the queue, within a few seconds, and stop."""
        self._stopping.set()
        self._thread.join(STOP_WITHIN_S)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stopping.wait(EXPORT_EVERY_S):
            self.flush()
        self.flush()
