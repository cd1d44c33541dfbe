"""Zipkin on this machine: shows traces, and keeps them in memory."""

from __future__ import annotations

from pathlib import Path

from penstock.console.broker.java import JAVA_ENVIRONMENT
from penstock.console.home import Home
from penstock.console.local_ports import HOST
from penstock.console.process_plan import ProcessPlan

# It has little to do, so it starts with the quick compiler alone and what nobody asks for is never made.
OPTIONS = ("-Xms32m", "-Xmx192m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")


def zipkin_plan(java: Path, archive: Path, home: Home, port: int) -> ProcessPlan:
    """How Zipkin runs: beside the broker, reached over loopback alone, in at most 192 MB of heap."""
    url = f"http://{HOST}:{port}"
    properties = {
        "java.io.tmpdir": home.temporary,
        # QUERY_PORT alone would listen on every address of the machine.
        "armeria.ports[0].ip": HOST,
        "armeria.ports[0].port": port,
        "armeria.ports[0].protocols[0]": "http",
        "zipkin.self-tracing.enabled": "false",
        "zipkin.storage.type": "mem",
        "logging.level.root": "WARN",
        "spring.main.lazy-initialization": "true",
    }
    set_properties = (f"-D{name}={value}" for name, value in properties.items())
    return ProcessPlan(
        name="zipkin",
        command=(str(java), *OPTIONS, *set_properties, "-jar", str(archive)),
        environment=JAVA_ENVIRONMENT,
        port=port,
        url=url,
        ready=f"{url}/health",
        health=f"{url}/health",
        first=True,
        awaited=False,
    )
