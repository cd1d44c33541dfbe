"""The option `--json`, which every command has that prints something."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def print_json(document: Any) -> None:
    """Print a document; its keys stay as they are from one release to the next."""
    typer.echo(json.dumps(document, indent=2))
