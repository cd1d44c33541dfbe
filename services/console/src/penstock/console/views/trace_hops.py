"""The hops of an event through the services, from the spans that Zipkin has of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from penstock.telemetry import names

Span = dict[str, Any]
"""A span as Zipkin's API gives it (v2)."""


class Hop(NamedTuple):
    """One span: `depth` is how many spans of its trace it lies below, times are in milliseconds."""

    trace: str
    depth: int
    at_ms: float
    took_ms: float
    service: str
    name: str
    tags: dict[str, str]
    failed: bool


def hops_of(traces: Sequence[Sequence[Span]]) -> list[Hop]:
    """The spans of traces, each below the one that led to it; times count from the earliest of all."""
    started = min((span.get("timestamp", 0) for trace in traces for span in trace), default=0)
    return [hop for trace in traces for hop in _in_order(trace, started)]


def _in_order(trace: Sequence[Span], started: int) -> Iterator[Hop]:
    known = {span["id"] for span in trace}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(trace, key=lambda span: span.get("timestamp", 0)):
        parent = span.get("parentId")
        children.setdefault(parent if parent in known else None, []).append(span)

    def below(parent: str | None, depth: int) -> Iterator[Hop]:
        for span in children.get(parent, ()):
            yield _hop(span, depth, started)
            yield from below(span["id"], depth + 1)

    yield from below(None, 0)


def _hop(span: Span, depth: int, started: int) -> Hop:
    tags = span.get("tags", {})
    return Hop(
        trace=span["traceId"],
        depth=depth,
        at_ms=(span.get("timestamp", started) - started) / 1000,
        took_ms=span.get("duration", 0) / 1000,
        service=span.get("localEndpoint", {}).get("serviceName", ""),
        name=span.get("name", ""),
        tags=tags,
        failed="error" in tags or names.ERROR_TYPE in tags,
    )


def hops_table(hops: Sequence[Hop]) -> Table:
    """A row for each hop."""
    table = Table(box=None, pad_edge=False)
    for column in ("at ms", "took ms", "service", "hop", "epoch", "model", "why"):
        table.add_column(column, no_wrap=True)
    for hop in hops:
        table.add_row(
            f"{hop.at_ms:,.1f}",
            f"{hop.took_ms:,.1f}",
            hop.service.removeprefix("penstock-"),
            "  " * hop.depth + _short(hop.name),
            hop.tags.get(names.EPOCH, ""),
            hop.tags.get(names.MODEL_VERSION, ""),
            _why(hop),
            style="red" if hop.failed else None,
        )
    return table


def _short(name: str) -> str:
    """The operation and the topic or path, without namespace, stream and prefix, which are the same throughout."""
    operation, _, destination = name.partition(" ")
    last = destination.rpartition("/" if destination.startswith("/") else ".")[2]
    return f"{operation} {last or destination}"


def _why(hop: Hop) -> str:
    rule, code = hop.tags.get(names.RULE, ""), hop.tags.get(names.REJECTION, "")
    return f"{rule}: {code}" if rule and code else rule or code


def hops_document(hops: Sequence[Hop], addresses: Sequence[str]) -> dict[str, Any]:
    """The hops for programs."""
    return {"addresses": list(addresses), "hops": [hop._asdict() for hop in hops]}
