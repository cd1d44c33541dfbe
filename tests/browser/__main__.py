"""`python -m tests.browser`: the console in a real browser, over a seeded deployment; with --shots, its pictures."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import tempfile
from pathlib import Path

import httpx

from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running
from tests.browser.chromium import find_chromium
from tests.browser.seed import seed
from tests.staging.environments import ROOT, obtain_python
from tests.staging.ports import free_ports
from tests.staging.stage import Stage

ABOVE_USUAL = 11_000  # so that a deployment of somebody else on this machine has its ports for itself
CHECKS = ROOT / "tests/browser/checks"
PINS = ROOT / "tests/browser/requirements.txt"
PICTURES = ROOT / "docs/console"


def main() -> int:
    """Stage the deployment, and run the checks in the browser, or take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser")
    parser.add_argument("--shots", action="store_true", help="write the pictures of docs/console instead")
    parser.add_argument("--only", default="", help="of the checks those whose names match, as pytest -k takes it")
    options = parser.parse_args()
    browser, python = find_chromium(), obtain_python("browser", PINS)
    with tempfile.TemporaryDirectory(prefix="penstock-browser-") as folder:
        home = Home(Path(folder))
        with running(home, StartOptions(ports=free_ports(ABOVE_USUAL))) as deployment:
            asyncio.run(_seed(home))
            environment = {**os.environ, "CONSOLE": deployment.url("console"), "CHROMIUM": browser}
            environment["PENSTOCK_HOME"] = folder
            command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--confcutdir", str(CHECKS)]
            files = "shots.py" if options.shots else "check_*.py"
            only = ["-k", options.only] if options.only else []
            command += ["-o", f"python_files={files}", "-c", "/dev/null", *only, str(CHECKS)]
            return subprocess.run(command, env=environment | {"PICTURES": str(PICTURES)}, check=False).returncode


async def _seed(home: Home) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await seed(Stage(home, client))


if __name__ == "__main__":
    raise SystemExit(main())
