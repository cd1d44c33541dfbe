"""The option `--json`, which every command has that prints something."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from penstock.console.views.terminal import out

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def print_json(document: Any) -> None:
    """Print a document for programs."""
    typer.echo(json.dumps(document, indent=2))


def tell(as_json: bool, document: Any, *lines: RenderableType) -> None:
    """Print the document for programs, or for people what it says."""
    if as_json:
        print_json(document)
        return
    for line in lines:
        out.print(Text(line) if isinstance(line, str) else line)
