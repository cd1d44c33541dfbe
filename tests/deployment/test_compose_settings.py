"""The environment variables in docker-compose.yml are settings of the service, under the same names."""

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
    return [
        settings
        for settings in classes
        if issubclass(settings, ServiceSettings) and settings.__module__ == module.__name__
    ]


def variables_of(settings: type[ServiceSettings]) -> dict[str, str]:
    """The fields by the environment variable that sets them."""
    fields = {}
    for field, info in settings.model_fields.items():
        alias = info.validation_alias or field.upper()
        assert not isinstance(alias, AliasPath | AliasChoices), f"{settings.__name__}.{field} has several names"
        fields[alias] = field
    return fields


def setting_names(service: str) -> set[str]:
    return {name for settings in settings_of(service) for name in variables_of(settings)}


def environment_of(compose: Compose, service: str) -> dict[str, str]:
    """What is set; a name without a value is passed on from the host, where it is set there."""
    environment: dict[str, str | None] = compose["services"][service]["environment"]
    return {name: value for name, value in environment.items() if value is not None}


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting(compose: Compose, service: str) -> None:
    variables = {name for name in environment_of(compose, service) if name.startswith(OURS)}
    assert variables - setting_names(service) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_accepted_and_has_its_value(
    compose: Compose, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    for name, value in environment_of(compose, service).items():
        monkeypatch.setenv(name, value)
    for settings_type in settings_of(service):
        settings = read_settings(settings_type)
        for name, field in variables_of(settings_type).items():
            if name in environment_of(compose, service):
                assert str(getattr(settings, field)) == environment_of(compose, service)[name], name


@pytest.mark.parametrize("service", SERVICES)
def test_it_has_every_setting_of_one_machine_mode(compose: Compose, service: str) -> None:
    home = Home(Path("/home"))
    plans = service_plans(home, USUAL_PORTS, common_settings(home, "127.0.0.1:19092", "penstock"))
    plan = next(plan for plan in plans if plan.name == service)
    assert set(plan.environment) & setting_names(service) - set(environment_of(compose, service)) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_it_stores_nothing_outside_its_volumes(compose: Compose, service: str) -> None:
    targets = [PurePosixPath(mount["target"]) for mount in compose["services"][service]["volumes"]]
    paths = [PurePosixPath(value) for value in environment_of(compose, service).values() if value.startswith("/")]
    assert paths
    for path in paths:
        assert any(path.is_relative_to(target) for target in targets), path


@pytest.mark.parametrize("service", SERVICES)
def test_it_listens_on_its_published_port(compose: Compose, service: str) -> None:
    environment = environment_of(compose, service)
    for port in compose["services"][service].get("ports", []):
        assert (str(port["target"]), environment["PENSTOCK_HOST"]) == (environment["PENSTOCK_PORT"], "0.0.0.0")


def test_the_keys_are_written_where_they_are_read(compose: Compose) -> None:
    written = environment_of(compose, "keys")
    for service in SERVICES:
        read = {name: path for name, path in environment_of(compose, service).items() if name in written}
        assert read.items() <= written.items()
    assert set(written) == {
        name for service in SERVICES for name in environment_of(compose, service) if name in written
    }


def test_the_registry_connects_to_the_database(compose: Compose) -> None:
    database = compose["services"]["postgres"]["environment"]
    url = environment_of(compose, "registry")["DATABASE_URL"]
    user, password, name = (database[f"POSTGRES_{part}"] for part in ("USER", "PASSWORD", "DB"))
    assert url == f"postgresql+psycopg://{user}:{password}@postgres:5432/{name}"
