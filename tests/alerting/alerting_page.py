"""docs/alerting-rules.md: each rule, the incident that it was seen with, and how long that took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.alerting.fast_rules import LOWERED, SECONDS_PER_MINUTE
from tests.alerting.incidents import Incident
from tests.alerting.monitoring import Receiver


class DashboardCheck(NamedTuple):
    """A query of a panel: how many series it gave, or why it is wrong."""

    dashboard: str
    panel: str
    series: int
    error: str


def alerting_page(
    rules: Sequence[Mapping[str, Any]],
    incidents: Sequence[Incident],
    began: Mapping[str, float],
    receiver: Receiver,
    checks: Sequence[DashboardCheck],
) -> str:
    """The page, in Markdown."""
    incident_of = {alert: incident for incident in incidents for alert in incident.alerts}
    rows = [_row(rule, incident_of[rule["alert"]], began, receiver) for rule in rules]
    delivered = sum(rule["alert"] in receiver.delivered for rule in rules)
    lowered = ", ".join(f"{each.alert} (`{each.lowered}` for `{each.usual}`)" for each in LOWERED)
    shown = [check for check in checks if check.series]
    empty = ", ".join(dict.fromkeys(check.panel for check in checks if not check.series)) or "none"
    return "\n".join(
        [
            "# Alerting rules",
            "",
            "Written by `make prometheus`: an incident was staged for each rule in a deployment that a real Prometheus "
            "and Alertmanager watched, until the alert was delivered to a receiver. The rules are those of "
            f"[deploy/prometheus](../deploy/prometheus/README.md), with a minute of {SECONDS_PER_MINUTE} seconds. "
            f"Lowered thresholds: {lowered}.",
            "",
            f"{delivered} of {len(rules)} were delivered.",
            "",
            "| rule | severity | staged | delivered after | it said | runbook |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"Of {len(checks)} queries of the dashboards {len(shown)} gave series at the end. Without any: {empty}.",
            "",
        ]
    )


def _row(rule: Mapping[str, Any], incident: Incident, began: Mapping[str, float], receiver: Receiver) -> str:
    name = rule["alert"]
    at = receiver.delivered.get(name)
    after = "**not delivered**" if at is None else f"{at - began[incident.what]:.0f} s"
    runbook = rule["annotations"]["runbook"].removeprefix("docs/")
    title = runbook.removeprefix("runbooks/").removesuffix(".md").replace("-", " ")
    said = receiver.summaries.get(name, "").replace("|", "\\|")
    return f"| {name} | {rule['labels']['severity']} | {incident.what} | {after} | {said} | [{title}]({runbook}) |"
