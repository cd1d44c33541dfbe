"""Clients in TypeScript, generated from the OpenAPI documents of a deployment, before it: `make typescript`.

It needs Node.js with npm, and installs what generates and compiles them into `.venv/typescript`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from penstock.console.deployment import Deployment, running_deployment
from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running

SOURCES = Path(__file__).parent
FOLDER = SOURCES.parents[1] / ".venv" / "typescript"
FILES = ("package.json", "package-lock.json", "tsconfig.json", "loans.ts")
SERVICES = ("ingestion", "registry", "server")


def main() -> None:
    """Generate, compile and run the clients before a deployment of their own."""
    if shutil.which("npm") is None:
        sys.exit("make typescript needs Node.js with npm, from version 20 on: npm was not found.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(SOURCES / name, FOLDER / name)
    _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
    with tempfile.TemporaryDirectory(prefix="penstock-typescript-") as folder:
        home = Home(Path(folder))
        with running(home, StartOptions()):
            _check(running_deployment(home))


def _check(deployment: Deployment) -> None:
    shutil.rmtree(FOLDER / "generated", ignore_errors=True)
    for service in SERVICES:
        document = FOLDER / f"{service}.json"
        document.write_text(httpx.get(f"{deployment.url(service)}/openapi.json", timeout=60).text)
        _run("npx", "openapi-ts", "--input", str(document), "--output", f"generated/{service}", "--silent")
    _run("npx", "tsc", "--noEmit")
    _run(
        "npx",
        "esbuild",
        "loans.ts",
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--outfile=loans.mjs",
        "--log-level=warning",
    )
    _run("node", "loans.mjs", PENSTOCK_URL=deployment.url("registry"))


def _run(*command: str, **environment: str) -> None:
    done = subprocess.run(command, cwd=FOLDER, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed with {done.returncode}.")


if __name__ == "__main__":
    main()
