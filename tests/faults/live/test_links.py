"""Each service reaches the broker by a listener of its own, whose advertised address is its proxy's."""

from __future__ import annotations

from pathlib import Path

from penstock.console.home import Home
from penstock.console.process_plan import Plan, ProcessPlan
from tests.faults.live.links import Link, lead_through

GIVEN = """\
# a comment=1
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2
advertised.listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2
"""


def test_a_service_is_led_through_its_proxy_and_the_broker_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.kafka.mkdir()
    file = home.kafka / "server.properties"
    file.write_text(GIVEN)
    processes = tuple(_process(name) for name in ("broker", "drift-detector"))
    plan = Plan(namespace="n", bootstrap="127.0.0.1:1", ports={}, processes=processes)
    led = lead_through({"drift-detector": Link(broker=7, proxy=8)}, plan, home)
    assert [process.environment["KAFKA_BOOTSTRAP_SERVERS"] for process in led.processes] == ["-", "127.0.0.1:8"]
    counting = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    assert counting["listeners"].endswith(",DRIFT_DETECTOR://127.0.0.1:7")
    assert counting["advertised.listeners"] == (
        "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,DRIFT_DETECTOR://127.0.0.1:8"
    )
    assert counting["listener.security.protocol.map"].endswith("CONTROLLER:PLAINTEXT,DRIFT_DETECTOR:PLAINTEXT")


def _process(name: str) -> ProcessPlan:
    settings = {"KAFKA_BOOTSTRAP_SERVERS": "-"}
    return ProcessPlan(name=name, command=(), environment=settings, port=1, url="", ready="", health="")
