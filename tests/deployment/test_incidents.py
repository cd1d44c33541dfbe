"""Each staged incident names what is there: a kind and its runbook, a metric, and commands of the runbook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.contracts.alert_kinds import AlertKind
from tests.incidents.all_incidents import INCIDENTS
from tests.incidents.incident import UP, Incident

ROOT = Path(__file__).parents[2]


def test_there_are_twelve_each_of_a_name_of_its_own() -> None:
    assert len({incident.name for incident in INCIDENTS}) == len(INCIDENTS) == 12


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_an_incident_names_a_kind_a_runbook_and_a_metric_that_there_are(incident: Incident) -> None:
    assert incident.kind in AlertKind
    assert incident.kind in (ROOT / incident.runbook).read_text()
    assert incident.metric.name == UP or f"`{incident.metric.name}`" in (ROOT / "docs/metrics.md").read_text()
    assert re.compile(incident.status)


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_the_commands_that_clear_an_incident_are_in_its_runbook(incident: Incident) -> None:
    runbook = (ROOT / incident.runbook).read_text()
    commands = re.findall(r"`(penstock [a-z-]+(?: [a-z-]+)?)", incident.runbook_says)
    assert [command for command in commands if " ".join(command.split()[:2]) not in runbook] == []
