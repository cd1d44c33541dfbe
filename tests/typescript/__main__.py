"""Clients in TypeScript, generated from the OpenAPI documents of a deployment, before it: `make typescript`.

It needs Node.js with npm, and installs what generates and compiles them into `.venv/typescript`.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import httpx

from penstock.console.deployment import Deployment, running_deployment
from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running
from tests.staging.node_packages import install_packages, run_node

SOURCES = Path(__file__).parent
SERVICES = ("ingestion", "registry", "server")


def main() -> None:
    """Generate, compile and run the clients before a deployment of their own."""
    folder = install_packages("typescript", SOURCES, "tsconfig.json", "loans.ts")
    with tempfile.TemporaryDirectory(prefix="penstock-typescript-") as home_folder:
        home = Home(Path(home_folder))
        with running(home, StartOptions()):
            _check(running_deployment(home), folder)


def _check(deployment: Deployment, folder: Path) -> None:
    shutil.rmtree(folder / "generated", ignore_errors=True)
    for service in SERVICES:
        document = folder / f"{service}.json"
        document.write_text(httpx.get(f"{deployment.url(service)}/openapi.json", timeout=60).text)
        run_node(folder, "npx", "openapi-ts", "--input", str(document), "--output", f"generated/{service}", "--silent")
    run_node(folder, "npx", "tsc", "--noEmit")
    run_node(
        folder,
        "npx",
        "esbuild",
        "loans.ts",
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--outfile=loans.mjs",
        "--log-level=warning",
    )
    run_node(folder, "node", "loans.mjs", PENSTOCK_URL=deployment.url("registry"))


if __name__ == "__main__":
    main()
