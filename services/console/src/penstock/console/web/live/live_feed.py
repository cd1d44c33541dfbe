"""What browsers are told as it changes: a message a second, the same for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from penstock.console.web.live.answer_rates import AnswerRates
from penstock.console.web.live.deployment_history import DeploymentHistory

MESSAGE_S = 1.0


class LiveFeed:
    """One message for all viewers: made once a second, held once, so that a hundred cost what one does."""

    def __init__(self, history: DeploymentHistory, rates: AnswerRates) -> None:
        self._history = history
        self._rates = rates
        self._message: dict[str, Any] = {}
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Make the messages."""
        while True:
            async with self._changed:
                self._message = self._now()
                self._changed.notify_all()
            await asyncio.sleep(MESSAGE_S)

    async def messages(self) -> AsyncGenerator[dict[str, Any]]:
        """Each message as it is made; a slow viewer misses some, and none waits for it."""
        while True:
            async with self._changed:
                await self._changed.wait()
                message = self._message
            yield message

    def _now(self) -> dict[str, Any]:
        return {
            "revision": self._history.revision,
            "streams": {
                name: {
                    "revision": history.revision,
                    "rate": round(self._rates.of(name).rate, 1),
                    "answers": self._rates.of(name).total,
                }
                for name, history in self._history.declared().items()
            },
        }
