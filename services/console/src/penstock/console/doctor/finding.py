"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from penstock.console.deployment import Deployment
from penstock.console.home import Home

Outcome = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """The outcome of a check: `fail` keeps Penstock from working. `advice` says what to do, mostly a command."""

    outcome: Outcome
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """All is as it should be."""
    return Finding("ok", found)


def warn(found: str, advice: str) -> Finding:
    """It works, and may not for long."""
    return Finding("warn", found, advice)


def fail(found: str, advice: str) -> Finding:
    """It cannot work so."""
    return Finding("fail", found, advice)


class NothingRuns(Exception):
    """A check asks something of the deployment, and none runs."""


NOTHING_RUNS = ok("nothing runs, so there is nothing to ask")
NOT_YET = ok("not there yet: the first penstock up makes it")


@dataclass(frozen=True)
class Installation:
    """What is examined: a home, the environment of the command, and the deployment, if one was ever started there."""

    home: Home
    environment: Mapping[str, str]
    deployment: Deployment | None

    @property
    def running(self) -> Deployment | None:
        """The deployment, if its supervisor lives."""
        return self.deployment if self.deployment and self.deployment.is_supervised else None

    def require_running(self) -> Deployment:
        """The deployment, whose supervisor lives.

        Raises:
            NothingRuns: there is none.
        """
        running = self.running
        if running is None:
            raise NothingRuns
        return running
