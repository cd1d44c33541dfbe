"""What the registry says of a deployment: what is left of retention, and what waits for people."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from penstock.console.deployment import Deployment
from penstock.console.pause_text import pause_text
from penstock.console.status.ask import ask

MOST_TOPICS = 20


async def retention_of(client: httpx.AsyncClient, deployment: Deployment) -> Mapping[str, Any]:
    """What is left of the retention of the topics of which least is; a `failure` if the registry does not answer."""
    return await _document(client, deployment, f"retention?limit={MOST_TOPICS}")


async def waiting_of(client: httpx.AsyncClient, deployment: Deployment) -> list[str]:
    """What the registry does not do by itself, a line each: streams held or paused, and proposals that wait."""
    streams, proposals = await asyncio.gather(
        _document(client, deployment, "streams"), _document(client, deployment, "proposals")
    )
    return [
        *_held(streams.get("streams", ())),
        *_paused(streams.get("streams", ())),
        *_waiting(proposals.get("proposals", ())),
    ]


def _held(streams: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{stream['name']}: version {stream['champion']} is held since the rollback at epoch {stream['hold']['epoch']}"
        f" by {stream['hold']['by']}; lift it: penstock rollback {stream['name']} --release"
        for stream in streams
        if stream.get("hold")
    ]


def _paused(streams: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{stream['name']}: paused {pause_text(stream['pause'])}; resume it: penstock stream resume {stream['name']}"
        for stream in streams
        if stream.get("pause")
    ]


def _waiting(proposals: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{each['stream']}: proposal {each['proposal']}, version {each['version']}, waits for approval;"
        f" see: penstock proposals {each['stream']}"
        for each in proposals
        if each["state"] == "waiting"
    ]


async def _document(client: httpx.AsyncClient, deployment: Deployment, path: str) -> Mapping[str, Any]:
    """What the registry answers below `/v1/`; why it does not as `failure`. Empty where there is no registry."""
    registry = deployment.processes.get("registry")
    if registry is None:
        return {}
    answer = await ask(client, f"{registry.url}/v1/{path}")
    return answer.document if answer.well else {"failure": f"the registry {answer.failure or 'refuses'}"}
