"""What a service's HTTP server takes: bytes and seconds of a request, connections, and bytes of bodies in all."""

from __future__ import annotations

import resource
from dataclasses import dataclass

HEALTH_RESERVE = 16  # connections beyond the limit that may ask for the service's health
HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits on a request, and on all that are under way.

    `head_seconds` count from the first byte of a head to its end, `body_seconds` from there to the end of the body.
    `idle_seconds` between requests are more than the 60 after which common proxies and balancers give a connection up:
    closed here first, it takes a request with it that was just sent. Where room is short the oldest is closed at once.
    """

    head_bytes: int = 64 << 10
    head_seconds: float = 10.0
    body_bytes: int = 16 << 20
    body_seconds: float = 30.0
    idle_seconds: int = 75
    connections: int = 1000
    unanswered_body_bytes: int = 256 << 20


def affordable_connections(limits: RequestLimits) -> int:
    """The limit on connections, or as many as half of the process's descriptors if those are fewer."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return limits.connections
    return max(1, min(limits.connections, descriptors // 2 - HEALTH_RESERVE))
