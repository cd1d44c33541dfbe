"""Orders to real processes to kill or stop themselves at a named point."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from itertools import count
from pathlib import Path

HOOKS = Path(__file__).parent / "hooks"
VARIABLE = "PENSTOCK_CRASH_ORDERS"
POLL_S = 0.01

_numbers = count()


class CrashOrders:
    """A `folder` of orders, which the crash points of a deployment's processes look into; task stacks come into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """What the processes must have in their environment."""
        path = os.pathsep.join(filter(None, [str(HOOKS), os.environ.get("PYTHONPATH")]))
        return {VARIABLE: str(self.folder), "PYTHONPATH": path}

    def give(self, service: str, point: str, number: signal.Signals, passes_before: int = 0) -> None:
        """Have the next process of a service that comes to a point signal itself, after so many passes."""
        order = {"id": str(next(_numbers)), "point": point, "signal": int(number), "passes_before": passes_before}
        unfinished = self.folder / f"{service}.new"
        unfinished.write_text(json.dumps(order))
        unfinished.rename(self.folder / f"{service}.json")

    async def reached(self, service: str, limit_s: float) -> int:
        """Wait until the point is reached; the id of the process.

        Raises:
            TimeoutError: it is not; the order is taken back.
        """
        file = self.folder / f"{service}.reached"
        try:
            async with asyncio.timeout(limit_s):
                while not file.exists():  # noqa: ASYNC110 - it is polled
                    await asyncio.sleep(POLL_S)
        finally:
            (self.folder / f"{service}.json").unlink(missing_ok=True)
        process = int(file.read_text())
        file.unlink()
        return process
