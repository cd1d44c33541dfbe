"""`penstock status`"""

from __future__ import annotations

import asyncio
import json
import os

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.deployment import Deployment
from penstock.console.home import home_from_environment
from penstock.console.remote_deployment import URL, used_deployment
from penstock.console.status.deployment_status import deployment_status
from penstock.console.status.verdict import problems_of
from penstock.console.views.status_table import status_document, status_lines
from penstock.console.views.terminal import out

NOTHING = "Nothing was ever started here. Start it with: penstock up"


def status(as_json: AsJson = False) -> None:
    """Show whether all is well, and if not, why; exits 1 unless all is ready."""
    home = home_from_environment()
    deployment = used_deployment() if os.environ.get(URL) else Deployment.current(home)
    if deployment is None:
        out.print(NOTHING) if not as_json else typer.echo(json.dumps({"ready": False, "problems": [NOTHING]}))
        raise typer.Exit(1)
    report = asyncio.run(deployment_status(home, deployment))
    if as_json:
        print_json(status_document(report))
    else:
        for line in status_lines(report):
            out.print(line)
    if problems_of(report):
        raise typer.Exit(1)
