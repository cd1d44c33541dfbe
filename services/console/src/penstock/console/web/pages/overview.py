"""The overview: the streams by health, what needs a person, the services, and the alerts that are not over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from penstock.console.pause_text import pause_text
from penstock.console.status.consumer_lags import EdgeLag, lags_by_service, service_of
from penstock.console.web.charts.sparkline import sparkline_path
from penstock.console.web.live.answer_rates import AnswerCounts
from penstock.console.web.live.stream_history import StreamHistory
from penstock.console.web.registry_reader import RegistryFailure
from penstock.console.web.service_probe import ServiceState
from penstock.console.web.sources import Sources
from penstock.contracts.alert_kinds import runbook_of
from penstock.contracts.records.monitoring import Alert

SHOWN_BLOCKS = 40

HealthLevel = Literal["critical", "warning", "waiting", "well"]
LEVELS: tuple[HealthLevel, ...] = ("critical", "warning", "waiting", "well")


@dataclass(frozen=True)
class StreamLine:
    """A stream in the overview. `level` is its health, `why` says in words what made it so."""

    name: str
    level: HealthLevel
    why: str
    task: str
    epoch: int | None
    version: int | None
    family: str
    metric: str
    score: float | None
    scores_path: str
    answers: int
    rate: float


@dataclass(frozen=True)
class Need:
    """What needs a person now: in words, and the page on which to do it."""

    level: HealthLevel
    text: str
    link: str
    runbook: str = ""


@dataclass(frozen=True)
class ServiceLine:
    """A service: how it is, how many records it has still to handle, and on which topics most of them."""

    name: str
    ready: bool
    why: str
    version: str
    lag: int | None
    edges: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Overview:
    """What the overview shows; `failure` says why what the registry knows is missing, if it is."""

    streams: Sequence[StreamLine]
    needs: Sequence[Need]
    services: Sequence[ServiceLine]
    alerts: Sequence[tuple[Alert, str]]
    failure: str


async def read_overview(sources: Sources) -> Overview:
    """The overview as it is now."""
    services, edges, registry = await asyncio.gather(
        sources.services.get(), sources.lags.get(), _registry_views(sources)
    )
    histories = sources.history.declared()
    alerts = [alert for history in histories.values() for alert in history.open_alerts]
    alerts += sources.history.control_plane.open_alerts
    alerts.sort(key=lambda alert: alert.time, reverse=True)
    needs = [*_registry_needs(registry), *_alert_needs(alerts)]
    lines = [_line(name, history, sources.rates.of(name), registry) for name, history in histories.items()]
    return Overview(
        streams=sorted(lines, key=lambda line: LEVELS.index(line.level)),
        needs=sorted(needs, key=lambda need: LEVELS.index(need.level)),
        services=_service_lines(services, edges),
        alerts=[(alert, runbook_of(alert.kind) or "") for alert in alerts],
        failure=str(registry.get("failure", "")),
    )


async def _registry_views(sources: Sources) -> Mapping[str, Any]:
    try:
        streams, proposals = await asyncio.gather(sources.registry.get("streams"), sources.registry.get("proposals"))
    except RegistryFailure as failure:
        return {"failure": str(failure), "holds": {}, "pauses": {}, "proposals": ()}
    holds = {stream["name"]: stream["hold"] for stream in streams["streams"] if stream["hold"]}
    pauses = {stream["name"]: stream["pause"] for stream in streams["streams"] if stream["pause"]}
    waiting = [proposal for proposal in proposals["proposals"] if proposal["state"] == "waiting"]
    return {"holds": holds, "pauses": pauses, "proposals": waiting}


def _line(name: str, history: StreamHistory, counts: AnswerCounts, registry: Mapping[str, Any]) -> StreamLine:
    level, why = _health(name, history, registry)
    blocks = history.ordered_blocks[-SHOWN_BLOCKS:]
    epoch = history.epoch
    scored = [block for block in blocks if block.score is not None]
    return StreamLine(
        name=name,
        level=level,
        why=why,
        task=history.declared.declaration.task if history.declared else "",
        epoch=epoch.epoch if epoch else None,
        version=epoch.champion.version if epoch else None,
        family=epoch.champion.family if epoch else "",
        metric=scored[-1].metric if scored else "",
        score=scored[-1].score if scored else None,
        scores_path=sparkline_path([block.score for block in blocks]),
        answers=counts.total,
        rate=counts.rate,
    )


def _health(name: str, history: StreamHistory, registry: Mapping[str, Any]) -> tuple[HealthLevel, str]:
    alerts = history.open_alerts
    for level in ("critical", "warning"):
        found = [alert for alert in alerts if alert.severity == level]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            return level, f"{found[0].message}{more}"
    if name in registry["pauses"]:
        return "waiting", f"paused {pause_text(registry['pauses'][name])}"
    if name in registry["holds"]:
        return "waiting", "held since a rollback"
    if any(proposal["stream"] == name for proposal in registry["proposals"]):
        return "waiting", "a model waits for approval"
    return "well", "no alert is open"


def _registry_needs(registry: Mapping[str, Any]) -> Iterator[Need]:
    for proposal in registry["proposals"]:
        stream = proposal["stream"]
        text = f"{stream}: version {proposal['version']} waits for approval"
        yield Need("waiting", text, f"streams/{stream}/training#proposals")
    for stream, hold in registry["holds"].items():
        text = f"{stream}: held since the rollback at epoch {hold['epoch']} by {hold['by']}; nothing changes by itself"
        yield Need("waiting", text, f"streams/{stream}#actions")
    for stream, pause in registry["pauses"].items():
        yield Need("waiting", f"{stream}: paused {pause_text(pause)}", f"streams/{stream}#actions")


def _alert_needs(alerts: Iterable[Alert]) -> Iterator[Need]:
    for alert in alerts:
        if alert.severity != "info":
            link = f"streams/{alert.stream}" if alert.stream else "alerts"
            text = f"{alert.stream or 'control plane'}: {alert.message}"
            yield Need(alert.severity, text, link, runbook_of(alert.kind) or "")


def _service_lines(services: Sequence[ServiceState], edges: Sequence[EdgeLag]) -> list[ServiceLine]:
    lags = lags_by_service(edges) if edges else {}
    return [
        ServiceLine(
            service.name,
            service.ready,
            service.why or "; ".join(f"{what}: {why}" for what, why in service.failing.items()),
            service.version,
            lags.get(service.name),
            _largest_edges(service.name, edges),
        )
        for service in services
    ]


def _largest_edges(service: str, edges: Iterable[EdgeLag], most: int = 3) -> list[tuple[str, int]]:
    own = [(edge.topic, edge.lag) for edge in edges if service_of(edge.group) == service and edge.lag]
    return sorted(own, key=lambda edge: -edge[1])[:most]
