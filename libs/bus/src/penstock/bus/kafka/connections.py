"""The client's connections on uvloop: a write to one that was just closed fails as on any connection that is lost.

A transport of asyncio drops what is written to it after it was closed; one of uvloop raises a RuntimeError. The client
does not expect that: the task that updates its metadata ends, and whatever waits for metadata then waits for ever.
"""

from __future__ import annotations

from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError


class _Connection(conn.AIOKafkaConnection):  # type: ignore[misc]
    def send(self, request: Any, expect_response: bool = True) -> Any:
        try:
            return super().send(request, expect_response=expect_response)
        except RuntimeError as error:
            raise self._lost(error) from error

    def _send_sasl_token(self, payload: bytes, expect_response: bool = True) -> Any:
        try:
            return super()._send_sasl_token(payload, expect_response=expect_response)
        except RuntimeError as error:
            raise self._lost(error) from error

    def _lost(self, error: RuntimeError) -> KafkaConnectionError:
        self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
        return KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {error}")


conn.AIOKafkaConnection = _Connection  # the client has no setting for it
