"""`penstock doctor`"""

from __future__ import annotations

import asyncio
import os

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.deployment import Deployment
from penstock.console.doctor.examination import examine
from penstock.console.doctor.finding import Installation
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, home_from_environment
from penstock.console.views.findings_table import finding_lines, findings_document, worst
from penstock.console.views.terminal import out


def doctor(as_json: AsJson = False) -> None:
    """Try the commonest faults, whether or not it is up, and say what to do; exits 1 if one is there."""
    home = home_from_environment()
    findings = asyncio.run(examine(Installation(home, dict(os.environ), _deployment(home))))
    if as_json:
        print_json(findings_document(findings))
    else:
        for line in finding_lines(findings):
            out.print(line)
    if worst(findings) == "fail":
        raise typer.Exit(1)


def _deployment(home: Home) -> Deployment | None:
    """The deployment as it is known now; none if its record cannot be read, which a check of the home tells."""
    try:
        return Deployment.current(home)
    except (ConsoleFailure, OSError):
        return None
