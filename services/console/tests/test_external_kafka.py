"""A deployment on a cluster and a database of others starts no broker, and hands their addresses on."""

from __future__ import annotations

from pathlib import Path

from penstock.console.home import Home, prepare
from penstock.console.plan.plan_builder import StartOptions, make_plan
from penstock.console.plan.service_plans import SERVICES

OPTIONS = StartOptions(
    kafka="kafka-1:9092,kafka-2:9092",
    database="postgresql+psycopg://penstock@db/penstock",
    environment={"PENSTOCK_DURABILITY": "production", "JAVA_HOME": "/nowhere"},
)


def test_the_services_are_planned_alone_on_the_cluster_and_the_database(tmp_path: Path) -> None:
    home = Home(tmp_path)
    prepare(home)
    plan = make_plan(home, OPTIONS)
    environments = {process.name: process.environment for process in plan.processes}
    assert tuple(environments) == SERVICES
    assert plan.bootstrap == OPTIONS.kafka
    assert {"broker", "broker-controller"}.isdisjoint(plan.ports)
    for environment in environments.values():
        assert environment["KAFKA_BOOTSTRAP_SERVERS"] == OPTIONS.kafka
        assert environment["PENSTOCK_DURABILITY"] == "production"
        assert "KAFKA_CLUSTER_ID" not in environment
    databases = {name: environment.get("DATABASE_URL") for name, environment in environments.items()}
    assert databases == dict.fromkeys(SERVICES) | {"registry": OPTIONS.database}
