"""`penstock models STREAM`"""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.push.push_notes import matches, read_metadata
from penstock.console.registry_command import request
from penstock.console.views.models_table import models_table
from penstock.console.views.terminal import out


def models(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only models that were pushed with this metadata; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the registered models of a stream, the newest first: which serves, and which the gate let through."""
    wanted = read_metadata(where or (), "--where")
    models = request(lambda services: services.get(f"streams/{stream}/models"))["models"][::-1]
    found = [one for one in models if matches((one["model"].get("push") or {}).get("metadata", {}), wanted)]
    if as_json:
        print_json({"models": found})
    else:
        out.print(models_table(found))
