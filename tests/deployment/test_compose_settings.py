"""What docker-compose.yml tells a service is what the service asks for, under the same names."""

from __future__ import annotations

import importlib
import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from pydantic import AliasChoices, AliasPath

from penstock.console.home import Home
from penstock.console.plan.service_plans import SERVICES, USUAL_PORTS, common_settings, service_plans
from penstock.runtime.settings import ServiceSettings, read_settings

Compose = dict[str, Any]
OURS = ("PENSTOCK_", "KAFKA_", "DATABASE_")


def settings_of(service: str) -> list[type[ServiceSettings]]:
    """The settings classes of a service: the server has one for itself and one for each kind of child."""
    module = importlib.import_module(f"penstock.{service.replace('-', '_')}.settings")
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    return [one for one in classes if issubclass(one, ServiceSettings) and one.__module__ == module.__name__]


def names(settings: type[ServiceSettings]) -> dict[str, str]:
    """The fields by the environment variable that sets them."""
    found = {}
    for field, info in settings.model_fields.items():
        alias = info.validation_alias or field.upper()
        assert not isinstance(alias, AliasPath | AliasChoices), f"{settings.__name__}.{field} has several names"
        found[alias] = field
    return found


def asked_for(service: str) -> set[str]:
    return {name for settings in settings_of(service) for name in names(settings)}


def told(compose: Compose, service: str) -> dict[str, str]:
    environment: dict[str, str] = compose["services"][service]["environment"]
    return environment


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting(compose: Compose, service: str) -> None:
    ours = {name for name in told(compose, service) if name.startswith(OURS)}
    assert ours - asked_for(service) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_accepted_and_arrives(compose: Compose, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    for name, value in told(compose, service).items():
        monkeypatch.setenv(name, value)
    for settings_type in settings_of(service):
        settings = read_settings(settings_type)
        for name, field in names(settings_type).items():
            if name in told(compose, service):
                assert str(getattr(settings, field)) == told(compose, service)[name], name


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_told_whatever_one_machine_mode_tells_it(compose: Compose, service: str) -> None:
    home = Home(Path("/home"))
    plans = service_plans(home, USUAL_PORTS, common_settings(home, USUAL_PORTS, "penstock"))
    plan = next(plan for plan in plans if plan.name == service)
    assert set(plan.environment) & asked_for(service) - set(told(compose, service)) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_it_keeps_nothing_outside_its_volumes(compose: Compose, service: str) -> None:
    targets = [PurePosixPath(mount["target"]) for mount in compose["services"][service]["volumes"]]
    paths = [PurePosixPath(value) for value in told(compose, service).values() if value.startswith("/")]
    assert paths
    for path in paths:
        assert any(path.is_relative_to(target) for target in targets), path


@pytest.mark.parametrize("service", SERVICES)
def test_it_listens_where_its_published_port_leads(compose: Compose, service: str) -> None:
    environment = told(compose, service)
    for port in compose["services"][service].get("ports", []):
        assert (str(port["target"]), environment["PENSTOCK_HOST"]) == (environment["PENSTOCK_PORT"], "0.0.0.0")


def test_the_keys_are_made_where_they_are_read(compose: Compose) -> None:
    made = told(compose, "keys")
    for service in SERVICES:
        read = {name: path for name, path in told(compose, service).items() if name in made}
        assert read.items() <= made.items()
    assert set(made) == {name for service in SERVICES for name in told(compose, service) if name in made}


def test_the_registry_reaches_the_database_it_is_given(compose: Compose) -> None:
    database = compose["services"]["postgres"]["environment"]
    url = told(compose, "registry")["DATABASE_URL"]
    user, password, name = (database[f"POSTGRES_{part}"] for part in ("USER", "PASSWORD", "DB"))
    assert url == f"postgresql+psycopg://{user}:{password}@postgres:5432/{name}"
