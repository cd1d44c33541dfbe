"""Blocking calls in threads of their own: one that hangs takes no thread away from anything else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def start_in_thread(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> asyncio.Future[T]:
    """Call the function in a new thread, which goes on to its end though nobody waits any more, and the process ends.

    The future is to be awaited through `asyncio.shield` by those who must know when the thread has ended.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(function(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=getattr(function, "__name__", "call"), daemon=True).start()
    return asyncio.wrap_future(future)
