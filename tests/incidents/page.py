"""docs/incidents.md: each incident, how soon it was seen, and what cleared it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.incidents.incident import Incident
from tests.incidents.watch import StatusCommand, Watch

PROMISE_S = 10.0
MISSING = "**never**"
HOME = re.compile(r"/\S*/penstock-incidents-[^/]+/home")


@dataclass
class Result:
    """An incident that was staged: when its evidence was there, its clearing began and ended, and what was seen."""

    incident: Incident
    evidence: float = 0.0
    watch: Watch | None = None
    command: StatusCommand | None = None
    clearing: float = 0.0
    cleared: float | None = None
    failure: str = ""

    def after(self, at: float | None) -> float | None:
        """The seconds from the evidence until something was seen; 0 where it was seen before all of it was there."""
        return None if at is None else max(0.0, at - self.evidence)

    @property
    def seen(self) -> tuple[float | None, float | None, float | None]:
        """The seconds until it was in status, in the metric, and with the pager."""
        if self.watch is None:
            return None, None, None
        alert = self.watch.alert
        return self.after(self.watch.in_status), self.after(self.watch.in_metric), self.after(alert and alert.at)

    @property
    def over(self) -> tuple[float | None, float | None]:
        """The seconds from the start of the clearing until status was well, and the pager was told."""
        if self.watch is None:
            return None, None
        resolved, out = self.watch.resolved, self.watch.out_of_status
        return out and max(0.0, out - self.clearing), resolved and max(0.0, resolved.at - self.clearing)

    @property
    def is_well(self) -> bool:
        """Whether it was seen everywhere in time, and is over."""
        left, told = self.over
        if self.cleared is None:
            return False
        in_time = all(seconds is not None and seconds <= PROMISE_S for seconds in self.seen)
        return in_time and (None not in (left, told) or bool(self.incident.never_resolved))

    @property
    def line(self) -> str:
        """How it went, in one line."""
        status, metric, alert = map(_seconds, self.seen)
        left, told = map(_seconds, self.over)
        said = self.watch.status_line if self.watch else self.failure
        return (
            f"{self.incident.name}: status {status}, metric {metric}, alert {alert}; "
            f"cleared: status {left}, alert {told}; {said}"
        )


def incidents_page(results: Sequence[Result]) -> str:
    """The page, in Markdown."""
    well = sum(result.is_well for result in results)
    return "\n".join(
        [
            "# Incidents",
            "",
            "Written by `make incidents`, which stages each in a real deployment: `penstock up` on a disk of 1 GiB, a "
            "receiver of signed webhooks as the pager; what `penstock status` asks and the services' `/metrics` are "
            "asked again and again. Seconds are from the evidence, the moment from which the incident can be known, "
            "until it was seen. 0 s: it showed before all of the evidence was there. "
            f"The promise is {PROMISE_S:g} s for each of the three.",
            "",
            f"On {os.cpu_count()} cores, with a load of {os.getloadavg()[2]:.0f} in the last quarter of an hour. "
            f"`penstock status` itself, with the start of its Python, took {_commands(results)}.",
            "",
            f"{well} of {len(results)} were seen everywhere within {PROMISE_S:g} s, and are over once their runbook "
            "was followed.",
            "",
            "| incident | evidence | status | metric | alert | runbook | what clears it | done | status well | told |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *map(_row, results),
            "",
            "`done`, `status well` and `told` are seconds from the first step of the runbook until its commands have "
            "ended, until `penstock status` no longer names it, and until the pager is told that it is over.",
            "",
            "## What was shown",
            "",
            "| incident | `penstock status` | metric | the alert said |",
            "|---|---|---|---|",
            *map(_shown, results),
            "",
            "## Falls short",
            "",
            *(_short(results) or ["Nothing."]),
            "",
        ]
    )


def _commands(results: Sequence[Result]) -> str:
    seconds = [result.command.seconds for result in results if result.command]
    return f"{min(seconds):.1f} to {max(seconds):.1f} s" if seconds else "no time: it was not run"


def _row(result: Result) -> str:
    incident = result.incident
    page = incident.runbook.removeprefix("docs/")
    title = page.removeprefix("runbooks/").removesuffix(".md").replace("-", " ")
    status, metric, alert = map(_marked, result.seen)
    left, told = map(_seconds, result.over)
    left, told = ("see below",) * 2 if incident.never_resolved else (left, told)
    done = _seconds(None if result.cleared is None else result.cleared - result.clearing)
    cells = (
        f"**{incident.name}**: {incident.what}", incident.evidence, status, metric, alert, f"[{title}]({page})",
        incident.runbook_says, done, left, told,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _shown(result: Result) -> str:
    alert = result.watch.alert if result.watch else None
    line = result.watch.status_line if result.watch else result.failure
    said = str(alert.alert["message"]) if alert else MISSING
    cells = (result.incident.name, _cell(line or MISSING), f"`{result.incident.metric}`", _cell(said))
    return f"| {' | '.join(cells)} |"


def _short(results: Sequence[Result]) -> list[str]:
    lines = []
    for result in results:
        incident = result.incident
        if result.failure:
            lines.append(f"- **{incident.name}**: {result.failure}")
        for where, seconds in zip(("status", "metric", "alert"), result.seen, strict=True):
            if seconds is None or seconds > PROMISE_S:
                lines.append(f"- **{incident.name}**: {where} {_seconds(seconds)}, promised are {PROMISE_S:g} s.")
        lines += [f"- **{incident.name}**: {note}." for note in (incident.note, incident.never_resolved) if note]
    return lines


def _marked(seconds: float | None) -> str:
    text = _seconds(seconds)
    return text if seconds is None or seconds <= PROMISE_S else f"**{text}**"


def _seconds(seconds: float | None) -> str:
    return MISSING if seconds is None else f"{seconds:.1f} s"


def _cell(text: str) -> str:
    return HOME.sub("HOME", text).replace("|", "\\|").replace("\n", " ")
