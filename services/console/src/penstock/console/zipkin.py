"""Zipkin on this machine: shows traces, and keeps them in memory."""

from __future__ import annotations

from pathlib import Path

from penstock.console.home import Home
from penstock.console.plan import ProcessPlan
from penstock.console.ports import HOST


def zipkin_plan(java: Path, archive: Path, home: Home, port: int) -> ProcessPlan:
    """How Zipkin runs: reached over loopback alone, in at most 192 MB of heap."""
    url = f"http://{HOST}:{port}"
    settings = {"QUERY_PORT": str(port), "SERVER_ADDRESS": HOST, "STORAGE_TYPE": "mem", "SELF_TRACING_ENABLED": "false"}
    options = ("-Xmx192m", "-XX:-UsePerfData", f"-Djava.io.tmpdir={home.temporary}")
    return ProcessPlan(
        name="zipkin",
        command=(str(java), *options, "-jar", str(archive)),
        environment=settings,
        port=port,
        url=url,
        ready=f"{url}/health",
        health=f"{url}/health",
    )
