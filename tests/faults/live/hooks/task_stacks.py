"""What the tasks of a real process wait for, written into a file when it gets SIGUSR2: of those that hang."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def install(service: str, folder: str) -> None:
    """Write the file `<service>.<id of the process>.tasks` into the folder at each SIGUSR2."""

    def write(*_: Any) -> None:
        Path(folder, f"{service}.{os.getpid()}.tasks").write_text("\n".join(_lines()))

    signal.signal(signal.SIGUSR2, write)


def _lines() -> Iterator[str]:
    for task in [found for found in gc.get_objects() if isinstance(found, asyncio.Task) and not found.done()]:
        yield f"{task.get_name()}: {task.get_coro()}"
        waiting: Any = task.get_coro()
        while waiting is not None:
            frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
            where = f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}" if frame else f"{waiting}"
            yield f"    {where}"
            waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
