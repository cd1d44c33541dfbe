"""A Prometheus and an Alertmanager that watch a deployment, and a receiver that keeps what it is sent."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from penstock.console.local_ports import free_ports
from tests.alerting.fast_rules import fast_rules
from tests.staging.webhook_server import WebhookServer

RULES = Path(__file__).parents[2] / "deploy/prometheus/rules"
PLACEHOLDERS = {"$stream": ".*", "$service": ".*"}


class Delivery(NamedTuple):
    """When an alert came, by the monotonic clock, and what it said."""

    at: float
    summary: str


class Receiver:
    """Keeps what Alertmanager sends to `/alerts`; what is sent to any other path is refused."""

    def __init__(self) -> None:
        self._deliveries: dict[str, list[Delivery]] = defaultdict(list)
        self._server = WebhookServer(self._take)
        self.url = self._server.url
        self.close = self._server.close

    def first_after(self, began: float, alert: str) -> Delivery | None:
        """The first delivery of an alert after an incident began; what came before it has another cause."""
        return next((delivery for delivery in self._deliveries[alert] if delivery.at >= began), None)

    def _take(self, _: Mapping[str, str], body: bytes) -> None:
        for alert in json.loads(body)["alerts"]:
            if alert["status"] == "firing":
                delivery = Delivery(time.monotonic(), alert["annotations"]["summary"])
                self._deliveries[alert["labels"]["alertname"]].append(delivery)


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now, with a dashboard's variables set to all.

        Raises:
            ValueError: Prometheus does not understand it.
        """
        for name, value in PLACEHOLDERS.items():
            expression = expression.replace(name, value)
        answer = self._client.get("/api/v1/query", params={"query": expression}).json()
        if answer["status"] != "success":
            raise ValueError(f"{expression}: {answer['error']}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@contextmanager
def monitoring(
    programs: Path, folder: Path, targets: Mapping[str, list[str]], receiver: Receiver
) -> Iterator[Prometheus]:
    """A Prometheus with the shortened rules that scrapes the targets every second, and its Alertmanager."""
    port, alert_port = free_ports(2)
    _configure(folder, targets, alert_port, receiver)
    commands = [
        [programs / "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}"],
        [*_with_share_folder_of(programs), programs / "prometheus-alertmanager",
         f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alertmanager",
         f"--web.listen-address=127.0.0.1:{alert_port}", "--cluster.listen-address="],
    ]  # fmt: skip
    with (folder / "monitoring.log").open("wb") as log:
        processes = [subprocess.Popen(list(map(str, command)), stdout=log, stderr=log) for command in commands]
        try:
            _wait_until_ready([port, alert_port], processes, folder)
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def _with_share_folder_of(programs: Path) -> list[str]:
    """Debian's Alertmanager reads its templates from /usr/share: it sees that of its package there, in a name space."""
    share = shlex.quote(str(programs.parent / "share"))
    command = f'mount --bind {share} /usr/share && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command, "sh"]


def _wait_until_ready(ports: list[int], processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    while not all(map(_is_ready, ports)):
        if any(process.poll() is not None for process in processes):
            raise SystemExit((folder / "monitoring.log").read_text())
        time.sleep(0.1)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _configure(folder: Path, targets: Mapping[str, list[str]], alert_port: int, receiver: Receiver) -> None:
    for name in ("recording.yml", "alerting.yml"):
        (folder / name).write_text(fast_rules((RULES / name).read_text()))
    static = [{"labels": {"service": service}, "targets": addresses} for service, addresses in targets.items()]
    prometheus = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["recording.yml", "alerting.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alert_port}"]}]}]},
        "scrape_configs": [{"job_name": "penstock", "static_configs": static}],
    }
    alertmanager = {
        "route": {"receiver": "check", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "check", "webhook_configs": [{"url": f"{receiver.url}/alerts"}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(prometheus))
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(alertmanager))
