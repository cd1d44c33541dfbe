"""One event followed through every hop: sent with a sampled trace, so that the viewer shows all of it."""

from __future__ import annotations

import secrets
from itertools import islice

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.deployment import Deployment as Running
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.telemetry.names import TRACEPARENT


async def traced_event(running: Running, stream: str, deployment: LiveDeployment) -> str | None:
    """Send one application with a sampled trace; the address of its trace, None without a viewer."""
    row = next(islice(CreditRisk(1, None, seed=secrets.randbits(32)).rows(), 1))
    trace_id = secrets.token_hex(16)
    body = row.event.replace(row.id.encode(), f"traced-{trace_id[:8]}".encode())
    header = {TRACEPARENT: f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    await deployment.requests.hand_in(stream, "event", [body], header)
    return f"{running.zipkin}/zipkin/traces/{trace_id}" if running.zipkin else None
