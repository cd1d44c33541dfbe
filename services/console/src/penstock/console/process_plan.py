"""The plan of a deployment: which processes the supervisor runs, and how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from penstock.console.home import Home

KAFKA_SCHEME = "kafka://"
"""The scheme of an address that is probed for a Kafka cluster's metadata."""


class ProcessPlan(BaseModel):
    """One process that the supervisor keeps running."""

    model_config = ConfigDict(frozen=True)

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    folder: Path | None = None
    """The working folder; None: the supervisor's own."""
    port: int
    url: str
    """The address for clients."""
    ready: str
    """Answers when the process is ready: an HTTP address, or `KAFKA_SCHEME` and `host:port`."""
    health: str
    """Answers while the process is healthy (not stuck); the same forms."""
    children: tuple[str, ...] = ()
    """Where processes under it, which it supervises itself, answer: HTTP addresses without a path."""
    children_port: int | None = None
    """Where it says how those are."""
    first: bool = False
    """Whether it starts before the others and stops after them."""
    awaited: bool = True
    """Whether those that start later wait until it is ready."""
    start_limit_s: float = 180.0
    """How long it may take until `health` answers for the first time."""
    grace_s: float = 25.0
    """How long it may take to stop before it is killed."""


class Plan(BaseModel):
    """A whole deployment, as `penstock up` planned it."""

    model_config = ConfigDict(frozen=True)

    namespace: str
    bootstrap: str
    zipkin: str | None = None
    ports: Mapping[str, int]
    processes: tuple[ProcessPlan, ...]

    @classmethod
    def read(cls, home: Home) -> Plan:
        """The plan that `write` put into `home`."""
        return cls.model_validate_json((home.run / "plan.json").read_bytes())

    def write(self, home: Home) -> None:
        """Write the plan for the supervisor of `home`."""
        (home.run / "plan.json").write_text(self.model_dump_json(indent=2))
