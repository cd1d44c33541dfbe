"""What the supervisor is told to run."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from penstock.console.home import Home

KAFKA = "kafka://"
"""How an address begins that is asked for a Kafka cluster's metadata."""


class ProcessPlan(BaseModel):
    """One process that the supervisor keeps running."""

    model_config = ConfigDict(frozen=True)

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    port: int
    url: str
    """The address that clients are given."""
    ready: str
    """Answers when the process can work: an HTTP address, or `KAFKA` and `host:port`."""
    health: str
    """Answers as long as the process is not stuck; the same forms."""
    first: bool = False
    """The others start when this one is ready, and it stops after them."""
    start_limit_s: float = 180.0
    """How long it may take until `health` answers for the first time."""
    grace_s: float = 25.0
    """How long it may take to stop before it is killed."""


class Plan(BaseModel):
    """A whole deployment, as `penstock up` decided it."""

    model_config = ConfigDict(frozen=True)

    namespace: str
    bootstrap: str
    zipkin: str | None = None
    ports: Mapping[str, int]
    processes: tuple[ProcessPlan, ...]

    @classmethod
    def read(cls, home: Home) -> Plan:
        """The plan that `write` left in `home`."""
        return cls.model_validate_json((home.run / "plan.json").read_bytes())

    def write(self, home: Home) -> None:
        """Leave the plan for the supervisor of `home`."""
        (home.run / "plan.json").write_text(self.model_dump_json(indent=2))
