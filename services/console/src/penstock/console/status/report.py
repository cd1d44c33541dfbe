"""What is reported of a deployment, as records that become JSON as they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

GIB = 1 << 30


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class ChildStatus(_Record):
    """A process under a service. `ready` is None where it has no address of its own; `why` is how it ended last."""

    name: str
    state: str = ""
    ready: bool | None = None
    restarts: int = 0
    why: str = ""


class ProcessReport(_Record):
    """The broker, or a service with its children.

    It is `ready` if its process lives and answers that it is, now; else `why` says what is wrong. `last_end` is how the
    process before it ended. `lag` is how many
    records its groups have still to handle, None if that is not known; `last_progress` is when they last handled some,
    `failing` what they cannot work on, and why.
    """

    name: str
    state: str
    ready: bool
    why: str = ""
    alive: bool = False
    pid: int | None = None
    port: int = 0
    started: datetime | None = None
    restarts: int = 0
    last_end: str = ""
    memory_bytes: int = 0
    lag: int | None = None
    last_progress: datetime | None = None
    failing: Mapping[str, str] = {}
    children: tuple[ChildStatus, ...] = ()


class DiskUse(_Record):
    """The disk of a home: bytes by purpose, and what is left for all.

    `unwritable` is why the home cannot be written, empty if it can; `counted` whether all files were.
    """

    log_bytes: int
    state_bytes: int
    models_bytes: int
    other_bytes: int
    free_bytes: int
    total_bytes: int
    unwritable: str = ""
    counted: bool = True


class OpenAlert(_Record):
    """An alert that is not over: the newest of its key, and when it `came` on the log."""

    severity: str
    kind: str
    stream: str | None
    message: str
    came: datetime
    runbook: str = ""

    def __str__(self) -> str:
        """What is wrong, since when, and where to read on."""
        see = f"; see {self.runbook}" if self.runbook else ""
        return (
            f"{self.stream or 'control plane'}: {self.kind}: {self.message}, at {self.came:%Y-%m-%d %H:%M:%S} UTC{see}"
        )


class StatusReport(_Record):
    """A deployment at the time `asked`.

    `supervised`: whether its supervisor lives; `unwritten`: why that cannot write its record. One on another machine
    has neither, `home` is then the URL of its registry, and its `disk` is not known here. `retention` is what the
    registry says of it, `waiting` what waits for people, `alerts` those that are not over, newest first.
    """

    home: str
    asked: datetime
    supervised: bool
    unwritten: str
    processes: tuple[ProcessReport, ...]
    disk: DiskUse | None
    retention: Mapping[str, Any]
    waiting: tuple[str, ...] = ()
    alerts: tuple[OpenAlert, ...] = ()
