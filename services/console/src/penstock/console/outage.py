"""Outages: a command tries again for a while when the broker or a service does not answer, and says so in one line."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from penstock.console.failure import ConsoleFailure

LASTS_S = 30.0  # a broker or service that is started again is back by then
PAUSE_S = 0.5

T = TypeVar("T")


class Outage:
    """Whether something answers: `name` as the user knows it, and what `errors` it raises while it does not."""

    def __init__(self, name: str, *errors: type[Exception], lasts_s: float = LASTS_S, pause_s: float = PAUSE_S) -> None:
        self._name = name
        self._errors = errors
        self._lasts_s = lasts_s
        self._pause_s = pause_s
        self._since: float | None = None

    async def retry(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Call `attempt` until it succeeds; callers may do so at the same time.

        Raises:
            ConsoleFailure: no attempt has succeeded for 30 s.
        """
        while True:
            try:
                result = await attempt()
            except self._errors as error:
                self._note_failure(error)
                await asyncio.sleep(self._pause_s)
            else:
                self._since = None
                return result

    def _note_failure(self, error: Exception) -> None:
        if self._since is None:
            self._since = time.monotonic()
            line = f"{self._name} does not answer; trying again for {self._lasts_s:g} s ..."
            print(line, file=sys.stderr)  # noqa: T201
        elif time.monotonic() - self._since > self._lasts_s:
            raise ConsoleFailure(
                f"{self._name} has not answered for {self._lasts_s:g} s ({error}); see: penstock status"
            ) from error
