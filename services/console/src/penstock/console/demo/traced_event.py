"""One event with a sampled trace, so that Zipkin shows every hop of it."""

from __future__ import annotations

import secrets
from itertools import islice

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.telemetry.names import TRACEPARENT


async def send_traced_event(live: LiveDeployment, zipkin: str | None) -> str | None:
    """Send one loan application with a sampled trace; the address of its trace, None without Zipkin.

    Raises:
        ConsoleFailure: ingestion does not take it.
    """
    row = next(islice(CreditRisk(1, None, seed=secrets.randbits(32)).rows(), 1))
    trace_id = secrets.token_hex(16)
    body = row.event.replace(row.id.encode(), f"traced-{trace_id[:8]}".encode())
    headers = {TRACEPARENT: f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    await live.services.send_records(live.watch.stream.name, "event", [body], headers)
    return f"{zipkin}/zipkin/traces/{trace_id}" if zipkin else None
