"""The plans of the ten services on one machine: their ports and settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from penstock.console.home import Home
from penstock.console.local_ports import HOST
from penstock.console.process_plan import ProcessPlan

SERVICES = (
    "ingestion",
    "validator",
    "server",
    "drift-detector",
    "retrain-trigger",
    "trainer",
    "registry",
    "notifier",
    "archiver",
    "console",
)

USUAL_PORTS = {
    "ingestion": 8010,
    "validator": 8011,
    "drift-detector": 8012,
    "retrain-trigger": 8013,
    "trainer": 8014,
    "notifier": 8015,
    "server-children": 8016,
    "archiver": 8017,
    "server": 8020,
    "server-stream": 8021,
    "registry": 8030,
    "console": 8040,
    "zipkin": 9411,
    "broker": 19092,
    "broker-controller": 19093,
}
"""Every port of a deployment by name."""


def service_plans(
    home: Home, ports: Mapping[str, int], settings: Mapping[str, str], workers: int = 1, database: str = ""
) -> list[ProcessPlan]:
    """The plans of the ten services, in the order of `SERVICES`.

    Args:
        home: of the deployment.
        ports: by name.
        settings: the environment variables that all services get.
        workers: how many of the server's processes score the streams' events.
        database: the URL of the registry's database, unless it is SQLite in the home.
    """
    database = database or f"sqlite:///{home.database}"
    return [_plan(service, home, ports, settings, workers, database) for service in SERVICES]


def common_settings(home: Home, bootstrap: str, namespace: str) -> dict[str, str]:
    """The environment variables that all services get; `bootstrap` is the broker's address."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "PENSTOCK_DURABILITY": "development",
        "PENSTOCK_HOME": str(home.root),
        "PENSTOCK_NAMESPACE": namespace,
        "PENSTOCK_HOST": HOST,
        "PENSTOCK_ARTIFACTS": str(home.artifacts),
        "BENTOML_DO_NOT_TRACK": "True",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TMPDIR": str(home.temporary),
    }


ALL_TRACES = {"OTEL_TRACES_SAMPLER_ARG": "1", "PENSTOCK_TRACES_PER_SECOND": "100"}


def telemetry_settings(zipkin: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Where spans are exported to: to Zipkin where it runs, else as the user's environment says, else nowhere.

    Zipkin is sent the traces of all events, up to 100 new ones a second, unless the environment says otherwise.

    >>> telemetry_settings(None, {})
    {'OTEL_TRACES_EXPORTER': 'none'}
    """
    if zipkin:
        share = {} if environment.get("OTEL_TRACES_SAMPLER_ARG") else ALL_TRACES
        return {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"{zipkin}/api/v2/spans", **share}
    return {} if environment.get("OTEL_TRACES_EXPORTER") else {"OTEL_TRACES_EXPORTER": "none"}


def _plan(
    service: str, home: Home, ports: Mapping[str, int], settings: Mapping[str, str], workers: int, database: str
) -> ProcessPlan:
    url = f"http://{HOST}:{ports[service]}"
    own_settings = {
        "PENSTOCK_PORT": str(ports[service]),
        "PENSTOCK_DATA_FOLDER": str(home.data(service)),
        **_settings_of(service, home, ports, workers, database),
    }
    return ProcessPlan(
        name=service,
        command=(sys.executable, "-m", _module(service)),
        environment={**settings, **own_settings},
        port=ports[service],
        url=url,
        ready=f"{url}/readyz",
        health=f"{url}/healthz",
        children=_stream_children(ports, workers) if service == "server" else (),
        children_port=ports["server-children"] if service == "server" else None,
    )


def _module(service: str) -> str:
    """The module that runs a service; the console's own is the command `penstock`."""
    return "penstock.console.web" if service == "console" else f"penstock.{service.replace('-', '_')}"


def _stream_children(ports: Mapping[str, int], workers: int) -> tuple[str, ...]:
    """Where the server's stream children answer: each on a port of its own, counted up."""
    return tuple(f"http://{HOST}:{ports['server-stream'] + number}" for number in range(workers))


def _settings_of(service: str, home: Home, ports: Mapping[str, int], workers: int, database: str) -> dict[str, str]:
    signing = {"PENSTOCK_SIGNING_KEY": str(home.signing_key)}
    trusted = {"PENSTOCK_TRUSTED_KEYS": str(home.trusted_keys)}
    answers = {"PENSTOCK_ANSWER_KEY": str(home.answer_key)}
    return {
        "validator": answers,
        "server": {
            **trusted,
            **answers,
            "PENSTOCK_STREAM_PORT": str(ports["server-stream"]),
            "PENSTOCK_CHILDREN_PORT": str(ports["server-children"]),
            "PENSTOCK_STREAM_WORKERS": str(workers),
        },
        "trainer": signing,
        "console": {
            **trusted,
            "PENSTOCK_REGISTRY": f"http://{HOST}:{ports['registry']}",
            "PENSTOCK_SERVICES": ",".join(f"{name}=http://{HOST}:{ports[name]}" for name in SERVICES),
            "PENSTOCK_BATCHES": str(home.batches),
            "PENSTOCK_TRACE_VIEWER": f"http://{HOST}:{ports['zipkin']}" if "zipkin" in ports else "",
        },
        "registry": {
            "DATABASE_URL": database,
            **signing,
            **trusted,
            "PENSTOCK_ADDRESSES": ",".join(f"{name}=:{ports[name]}" for name in (*SERVICES, "server-stream")),
        },
    }.get(service, {})
