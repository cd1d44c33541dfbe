"""Writes the batches that streams declare: each by `penstock batch` in a process of its own, one at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from penstock.console.batch.batch_schedule import DueBatch, due_batches
from penstock.contracts.records.streams import Streams

CHECK_S = 10.0  # how late a batch may begin
RETRY_AFTER = timedelta(minutes=5)
YIELDING = 15  # how nice its process is: whoever answers events comes first

log = logging.getLogger("penstock.console")


class ScheduledBatches:
    """The batches of all streams, as files in `folder`; `registry` is the URL by which the command finds the rest.

    A batch that fails is logged, told in health, and tried again after `RETRY_AFTER`; those of other streams go on.
    """

    def __init__(
        self,
        streams: Streams,
        registry: str,
        folder: Path,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._streams = streams
        self._registry = registry
        self._folder = folder
        self._now = now
        self._failures: dict[str, tuple[datetime, str]] = {}
        self._newest: dict[str, str] = {}

    def health_facts(self) -> dict[str, Any]:
        """By stream the newest file that was written, and why the last try failed, if it did."""
        failures = {stream: why for stream, (_, why) in self._failures.items()}
        return {"batches": {"written": dict(self._newest), "failing": failures}}

    async def run(self) -> None:
        """Write what is due, until cancelled."""
        while True:
            await self.write_due()
            await asyncio.sleep(CHECK_S)

    async def write_due(self) -> None:
        """Write what is due now."""
        for name in self._streams.names():
            declared = self._streams.get(name)
            failed = self._failures.get(name)
            if declared is None or (failed is not None and self._now() < failed[0] + RETRY_AFTER):
                continue
            for batch in due_batches(declared.declaration, self._folder, self._now()):
                if not await self._write(batch):
                    break

    async def _write(self, batch: DueBatch) -> bool:
        """Whether the file has been written."""
        batch.file.parent.mkdir(parents=True, exist_ok=True)
        why = await _run(_command(self._registry, batch))
        if batch.file.exists():  # though every row of it may have been refused
            self._failures.pop(batch.stream, None)
            self._newest[batch.stream] = str(batch.file)
            return True
        self._failures[batch.stream] = self._now(), why
        log.warning("%s: the batch of %s was not written: %s", batch.stream, batch.span, why)
        return False


def _command(registry: str, batch: DueBatch) -> list[str]:
    span = ["--from", batch.span.start.isoformat(), "--to", batch.span.stop.isoformat()]
    where = ["--stream", batch.stream, "--output", str(batch.file)]
    return [sys.executable, "-m", "penstock.console", "batch", "--url", registry, *where, *span]


async def _run(command: Sequence[str]) -> str:
    """Run a command to its end; the last line that it said to people."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=partial(os.nice, YIELDING),
    )
    try:
        _, said = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {child.returncode}"
