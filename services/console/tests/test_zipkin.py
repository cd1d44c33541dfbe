"""A real Zipkin without the services."""

from __future__ import annotations

import os
import subprocess
import time

import httpx
import psutil

from penstock.console.broker.jar_pins import read_pins
from penstock.console.broker.jars import obtain_jars
from penstock.console.broker.java import find_java
from penstock.console.home import Home
from penstock.console.local_ports import HOST, free_ports
from penstock.console.plan.zipkin import zipkin_plan

from .conftest import eventually


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_a_span_can_be_read_back_and_only_loopback_is_served(home: Home) -> None:
    (archive,) = obtain_jars(read_pins("zipkin"))
    (port,) = free_ports(1)
    plan = zipkin_plan(find_java(), archive, home, port)
    trace = "0123456789abcdef0123456789abcdef"
    span = {
        "traceId": trace,
        "id": trace[:16],
        "name": "handle",
        "timestamp": int(time.time() * 1e6),
        "duration": 1000,
        "localEndpoint": {"serviceName": "validator"},
    }
    with subprocess.Popen(plan.command, env={**os.environ, **plan.environment}, stdout=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: answers(plan.health), limit_s=60)
            connections = psutil.Process(process.pid).net_connections(kind="tcp")
            listening = [connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN]
            assert {address.ip.removeprefix("::ffff:") for address in listening} == {HOST}
            assert httpx.post(f"{plan.url}/api/v2/spans", json=[span], trust_env=False).is_success
            eventually(lambda: answers(f"{plan.url}/api/v2/trace/{trace}"))
            assert answers(f"{plan.url}/zipkin/")
        finally:
            process.terminate()
