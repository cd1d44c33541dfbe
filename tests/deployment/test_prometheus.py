"""Rules and dashboards: they ask for metrics that the services export, and each alert leads to a page that names it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.console.plan.service_plans import SERVICES, USUAL_PORTS
from penstock.telemetry.metrics import Metrics
from tests.alerting.fast_rules import fast_rules
from tests.alerting.incidents import in_one_stream, of_all_streams

ROOT = Path(__file__).parents[2]
PROMETHEUS, GRAFANA = ROOT / "deploy/prometheus", ROOT / "deploy/grafana"
NAME = re.compile(r"(?<![\w:])(?:penstock|process)[_:][\w:]+")


def groups(file: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "rules" / file).read_text())["groups"]
    return [rule for group in loaded for rule in group["rules"]]


RECORDING, ALERTING = groups("recording.yml"), groups("alerting.yml")
TESTS = yaml.safe_load((PROMETHEUS / "rules/tests.yml").read_text())["tests"]
DASHBOARDS = [json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))]


def exported() -> set[str]:
    """The names of all samples that a service's page may have."""
    families = Metrics().registry.collect()
    samples = {sample.name for family in families for sample in family.samples}
    by_type = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return samples | {family.name + end for family in Metrics().registry.collect() for end in by_type[family.type]}


def dashboard_queries() -> Iterator[str]:
    for dashboard in DASHBOARDS:
        yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
        yield from (variable["query"]["query"] for variable in dashboard["templating"]["list"])


def used_names(expressions: Iterator[str]) -> set[str]:
    return {name for expression in expressions for name in NAME.findall(re.sub(r'"[^"]*"', '""', expression))}


def test_rules_and_dashboards_ask_for_metrics_that_are_exported_or_recorded() -> None:
    known = exported() | {rule["record"] for rule in RECORDING}
    asked = used_names(rule["expr"] for rule in RECORDING + ALERTING) | used_names(dashboard_queries())
    tested = used_names(series["series"] for test in TESTS for series in test["input_series"])
    assert (asked | tested) - known == set()


def test_whatever_is_recorded_is_asked_for() -> None:
    asked = used_names(rule["expr"] for rule in ALERTING + RECORDING) | used_names(dashboard_queries())
    assert {rule["record"] for rule in RECORDING} - asked == set()


def test_every_metric_is_on_the_page_that_lists_them() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    own = {family.name for family in Metrics().registry.collect() if family.name.startswith("penstock_")}
    assert {name for name in own if f"`{name}" not in page} == set()


@pytest.mark.parametrize("rule", ALERTING, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_how_urgent_it_is_and_leads_to_a_runbook_that_names_it(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    page = ROOT / rule["annotations"]["runbook"]
    assert f"`{rule['alert']}`" in page.read_text()
    assert page.parent == ROOT / "docs/runbooks"
    assert rule["annotations"]["summary"]


def test_runbooks_name_rules_that_there_are() -> None:
    names = {rule["alert"] for rule in ALERTING}
    for page in (ROOT / "docs/runbooks").glob("*.md"):
        for line in page.read_text().splitlines():
            if line.startswith("Alerting rule"):
                assert set(re.findall(r"`(\w+)`", line)) <= names, page.name


def test_every_alert_has_a_test_that_promtool_runs() -> None:
    tested = {case["alertname"] for test in TESTS for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert tested == {rule["alert"] for rule in ALERTING}


def test_an_incident_is_staged_for_every_alert_and_their_rules_can_be_made_fast() -> None:
    incidents = [*in_one_stream(), *of_all_streams(Path("checkpoints"))]
    assert sorted(alert for incident in incidents for alert in incident.alerts) == sorted(
        rule["alert"] for rule in ALERTING
    )
    for file in ("recording.yml", "alerting.yml"):
        fast = fast_rules((PROMETHEUS / "rules" / file).read_text())
        assert re.findall(r"\b\d+[mhd]\b(?!:)", re.sub(r"penstock:[\w:]+|summary: .*", "", fast)) == []


def test_all_services_are_scraped_at_the_ports_that_up_gives_them() -> None:
    targets = yaml.safe_load((PROMETHEUS / "targets/one-machine.yml").read_text())
    found = {target["labels"]["service"]: target["targets"] for target in targets}
    expected = {service: [f"127.0.0.1:{USUAL_PORTS[service]}"] for service in SERVICES}
    expected["server"].append(f"127.0.0.1:{USUAL_PORTS['server-stream']}")
    assert found == expected


def test_all_containers_are_scraped_at_the_ports_that_compose_gives_them() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    targets = yaml.safe_load((PROMETHEUS / "targets/compose.yml").read_text())
    found = {target["labels"]["service"]: target["targets"] for target in targets}
    settings = {service: compose[service]["environment"] for service in SERVICES}
    expected = {service: [f"{service}:{settings[service]['PENSTOCK_PORT']}"] for service in SERVICES}
    expected["server"].append(f"server:{settings['server']['PENSTOCK_STREAM_PORT']}")
    assert found == expected


def test_dashboards_ask_the_provisioned_source_and_have_ids_of_their_own() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    asked = {panel["datasource"]["uid"] for dashboard in DASHBOARDS for panel in dashboard["panels"]}
    assert asked == {source["uid"]}
    for dashboard in DASHBOARDS:
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids))
    assert len({dashboard["uid"] for dashboard in DASHBOARDS}) == len(DASHBOARDS) >= 2
