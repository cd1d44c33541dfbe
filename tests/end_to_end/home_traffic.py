"""A producer that never stops: events and labels over HTTP, sent again until they are acknowledged."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx

from .home_fixture import STREAM, Deployment, rows

BATCH = 5
PAUSE_S = 0.02
LAST = 10**6


class Traffic:
    """Sends rows from `first` on while the block runs, as soon as ingestion answers; `acknowledged` has their ids."""

    def __init__(self, deployment: Deployment, first: int) -> None:
        self.acknowledged: list[str] = []
        self._deployment = deployment
        self._rows = rows(first, LAST)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def await_more(self, count: int = 50) -> None:
        """Wait until so many more are acknowledged."""
        target, give_up = len(self.acknowledged) + count, time.monotonic() + 60
        while len(self.acknowledged) < target:
            if not self._thread.is_alive() or time.monotonic() > give_up:
                raise AssertionError(f"only {len(self.acknowledged)} events were acknowledged, {target} are expected")
            time.sleep(0.05)

    def _run(self) -> None:
        while not self._stop.is_set():
            batch = [next(self._rows) for _ in range(BATCH)]
            events = [{"id": row["id"], "data": row["data"]} for row in batch]
            labels = [{"event_id": row["id"], "value": row["label"], "entity": row["entity"]} for row in batch]
            if self._send("events", events) and self._send("labels", labels):
                self.acknowledged += [row["id"] for row in batch]
            time.sleep(PAUSE_S)

    def _send(self, kind: str, records: list[dict[str, Any]]) -> bool:
        """Send until acknowledged; False once the block has ended."""
        while not self._stop.is_set():
            try:
                url = f"{self._deployment.url('ingestion')}/v1/streams/{STREAM}/{kind}"
                answer = httpx.post(url, json=records, timeout=20)
            except (httpx.TransportError, OSError, KeyError, ValueError):  # not up yet, or being restarted
                time.sleep(PAUSE_S)
                continue
            if answer.status_code == 202 and not answer.json()["refused"]:
                return True
            if answer.status_code != 503:
                raise AssertionError(f"{kind} were refused: {answer.text}")
            time.sleep(PAUSE_S)
        return False
