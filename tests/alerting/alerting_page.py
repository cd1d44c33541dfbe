"""docs/alerting-rules.md: each rule, the incident that it was seen with, and how long that took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.alerting.fast_rules import LOWERED, SECONDS_PER_MINUTE
from tests.alerting.incidents import Incident
from tests.alerting.monitoring import Delivery


class DashboardCheck(NamedTuple):
    """A query of a panel: how many series it gave, or why it is wrong."""

    dashboard: str
    panel: str
    series: int
    error: str


class Result(NamedTuple):
    """An incident that was staged, when it began, and the delivery of each of its alerts; None: there was none."""

    incident: Incident
    began: float
    deliveries: Mapping[str, Delivery | None]


def alerting_page(
    rules: Sequence[Mapping[str, Any]], results: Sequence[Result], checks: Sequence[DashboardCheck]
) -> str:
    """The page, in Markdown."""
    result_of = {alert: result for result in results for alert in result.deliveries}
    rows = [_row(rule, result_of[rule["alert"]]) for rule in rules]
    delivered = sum(delivery is not None for result in results for delivery in result.deliveries.values())
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


def _row(rule: Mapping[str, Any], result: Result) -> str:
    delivery = result.deliveries[rule["alert"]]
    after = f"{delivery.at - result.began:.0f} s" if delivery else "**not delivered**"
    said = delivery.summary.replace("|", "\\|") if delivery else ""
    runbook = rule["annotations"]["runbook"].removeprefix("docs/")
    title = runbook.removeprefix("runbooks/").removesuffix(".md").replace("-", " ")
    cells = (rule["alert"], rule["labels"]["severity"], result.incident.what, after, said, f"[{title}]({runbook})")
    return f"| {' | '.join(cells)} |"
