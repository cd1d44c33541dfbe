"""`python -m tests.clients`: clients of others, from their own packages, get right answers from a real deployment."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path

import httpx

from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running
from tests.staging.environments import ROOT, obtain_python
from tests.staging.ports import free_ports
from tests.staging.stage import Stage
from tests.staging.traffic import send_labelled

ABOVE_USUAL = 8_000  # so that a deployment of somebody else on this machine has its ports for itself
FOLDER = ROOT / "tests/clients"
CHECKS = FOLDER / "checks"
STREAM = "clients"
EVENTS = 700  # enough for a model to be trained


def main() -> int:
    """Stage a stream with a trained model, and run the checks in the clients' environment."""
    python = obtain_python("clients", FOLDER / "requirements.txt")
    with tempfile.TemporaryDirectory(prefix="penstock-clients-") as folder:
        home = Home(Path(folder))
        with running(home, StartOptions(ports=free_ports(ABOVE_USUAL))) as deployment:
            asyncio.run(_seed(home))
            environment = {**os.environ, "SERVER": deployment.url("server"), "STREAM": STREAM}
            command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--confcutdir", str(CHECKS)]
            command += [
                "-o",
                "python_files=check_*.py",
                "-o",
                "asyncio_mode=auto",
                "-W",
                "ignore",
                "-c",
                "/dev/null",
                str(CHECKS),
            ]
            return subprocess.run([*command, str(CHECKS)], env=environment, check=False).returncode


async def _seed(home: Home) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        stage = Stage(home, client)
        await stage.declare(STREAM)
        await send_labelled(stage, STREAM, 0, EVENTS)
        await stage.until_champion(STREAM, 1)


if __name__ == "__main__":
    raise SystemExit(main())
