"""docker-compose.yml: its services, pinned images, start order, and what each container may do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.console.broker.jar_pins import read_pins
from penstock.console.plan.service_plans import SERVICES
from penstock.telemetry.environment import read_environment

Compose = dict[str, Any]
KEY_READERS = {
    "signing-key": {"keys", "trainer", "registry"},
    "trusted-keys": {"keys", "server", "registry", "console"},
    "answer-key": {"keys", "server", "validator"},
}


def mounts(compose: Compose, service: str) -> dict[str, dict[str, Any]]:
    """The volumes of a service, by name."""
    return {mount["source"]: mount for mount in compose["services"][service].get("volumes", [])}


def test_an_unknown_key_is_an_error(root: Path, tmp_path: Path, tool: Callable[..., Any]) -> None:
    wrong = (root / "docker-compose.yml").read_text().replace("restart: unless-stopped", "restrat: unless-stopped")
    (tmp_path / "docker-compose.yml").write_text(wrong)
    process = tool("docker-compose", "--file", tmp_path / "docker-compose.yml", "config", "--quiet")
    assert process.returncode != 0
    assert "restrat" in process.stderr


def test_it_runs_the_ten_services_and_what_they_need(compose: Compose) -> None:
    assert set(compose["services"]) == {*SERVICES, "keys", "kafka", "postgres"}


def test_images_are_pinned(compose: Compose) -> None:
    for name, service in compose["services"].items():
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+[\w.-]*", service["image"]), name


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_the_version_of_its_service(compose: Compose, root: Path, name: str) -> None:
    version = (root / "VERSION").read_text().strip()
    assert compose["services"][name]["image"] == f"penstock-{name}:{version}"


def test_no_image_is_built_under_two_services(compose: Compose) -> None:
    images = [service["image"] for service in compose["services"].values()]
    assert len(images) == len(set(images))


def test_ports_are_published_on_loopback_only(resolve: Callable[..., Compose], root: Path) -> None:
    services = resolve(root / "deploy/compose/traces.env")["services"]
    published = [(name, port) for name, service in services.items() for port in service.get("ports", [])]
    assert {name for name, _ in published} == {"ingestion", "server", "registry", "console", "kafka", "zipkin"}
    assert {port["host_ip"] for _, port in published} == {"127.0.0.1"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_it_cannot_start_without(compose: Compose, name: str) -> None:
    conditions = {
        other: dependency["condition"] for other, dependency in compose["services"][name]["depends_on"].items()
    }
    services_with_keys = {reader for readers in KEY_READERS.values() for reader in readers}
    expected = {"kafka": "service_healthy"}
    expected |= {"keys": "service_completed_successfully"} if name in services_with_keys else {}
    expected |= {"postgres": "service_healthy"} if name == "registry" else {}
    assert conditions == expected


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_restarts_and_has_no_privileges(compose: Compose, name: str) -> None:
    service = compose["services"][name]
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pull_policy"] == "build", "an image of ours must never come from a registry by its name"


def test_a_key_is_mounted_only_where_it_is_needed(compose: Compose) -> None:
    for volume, readers in KEY_READERS.items():
        holders = {name for name in compose["services"] if volume in mounts(compose, name)}
        writers = {name for name in holders if not mounts(compose, name)[volume].get("read_only")}
        assert (holders, writers) == (readers, {"keys"})


def test_only_trainer_registry_and_archiver_may_write_artifacts(compose: Compose) -> None:
    holders = {name: mounts(compose, name)["artifacts"] for name in SERVICES if "artifacts" in mounts(compose, name)}
    assert {name for name, mount in holders.items() if not mount.get("read_only")} == {
        "trainer",
        "registry",
        "archiver",
    }


def test_every_service_has_its_own_state(compose: Compose) -> None:
    for name in SERVICES:
        assert mounts(compose, name)[f"{name}-data"]["target"] == "/var/lib/penstock/data"


def test_traces_start_zipkin_and_send_it_spans(resolve: Callable[..., Compose], root: Path) -> None:
    services = resolve(root / "deploy/compose/traces.env")["services"]
    assert "zipkin" in services
    for name in SERVICES:
        tracing = read_environment(name, 0.01, services[name]["environment"])
        assert (tracing.exporter, tracing.endpoint) == ("zipkin", "http://zipkin:9411/api/v2/spans")


def test_without_traces_no_spans_are_sent(compose: Compose) -> None:
    for name in SERVICES:
        assert read_environment(name, 0.01, compose["services"][name]["environment"]).exporter == "none"


@pytest.mark.parametrize(("name", "artifact"), [("kafka", "kafka_2.13"), ("zipkin", "zipkin-server")])
def test_it_runs_the_versions_of_one_machine_mode(
    resolve: Callable[..., Compose], root: Path, name: str, artifact: str
) -> None:
    image = resolve(root / "deploy/compose/traces.env")["services"][name]["image"]
    pinned = {pin.name: pin.version for pin in read_pins(name)}
    assert image.split(":")[1] == pinned[artifact]


def test_the_broker_is_set_as_in_one_machine_mode(compose: Compose, root: Path) -> None:
    local = (root / "services/console/src/penstock/console/local/server.properties").read_text()
    properties = dict(line.split("=", 1) for line in local.splitlines() if line and not line.startswith("#"))
    environment = compose["services"]["kafka"]["environment"]
    host_listener_settings = {"listener.security.protocol.map"}  # compose has one more listener, for the host
    for key, value in properties.items():
        if key not in host_listener_settings:
            assert environment[f"KAFKA_{key.replace('.', '_').upper()}"] == value
