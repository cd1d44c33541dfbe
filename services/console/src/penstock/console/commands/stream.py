"""`penstock stream init | apply | list | show | schema`, and `import`, `pause`, `resume`, `delete`"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from penstock.console.commands.json_output import AsJson, print_json, tell
from penstock.console.commands.stream_delete import delete
from penstock.console.commands.stream_import import import_
from penstock.console.commands.stream_pause import pause, resume
from penstock.console.declared_streams import declared_streams
from penstock.console.deployment import Deployment
from penstock.console.failure import RequestRefused, wrong_input
from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.proposal import Choices
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.log_client import open_log
from penstock.console.registry_command import request
from penstock.console.remote_deployment import used_deployment
from penstock.console.services_client import open_services
from penstock.console.table.table import open_table
from penstock.console.views.declaration_line import declaration_line
from penstock.console.views.proposal_table import next_commands, proposal_document, proposal_table
from penstock.console.views.schedule_cost import schedule_cost
from penstock.console.views.stream_table import stream_table
from penstock.console.views.terminal import out
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import (
    LARGEST_FILE,
    DeclarationError,
    parse_declaration,
    place_of,
    read_declaration,
)
from penstock.contracts.documents.stream_schema import schema_text
from penstock.contracts.records.streams import Streams

stream = typer.Typer(help="Declare streams.", no_args_is_help=True)
stream.command("import")(import_)
stream.command()(pause)
stream.command()(resume)
stream.command()(delete)


def declaration_in(path: Path) -> Declaration:
    """The declaration in a file.

    Raises:
        ConsoleFailure: it is not a valid declaration.
    """
    try:
        return read_declaration(path)
    except DeclarationError as error:
        raise wrong_input(str(error)) from error


@stream.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON, plain or gzipped, or Parquet.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the declaration.")],
    label: Annotated[str | None, typer.Option(help="The column to predict; guessed unless named.")] = None,
    entity: Annotated[str | None, typer.Option(help="The column that names what an event is about.")] = None,
    time: Annotated[str | None, typer.Option(help="The column with the events' times.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="The column with the events' ids; it is no field.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a first declaration of FILE, good enough to run as it is, and say what was guessed."""
    proposal = propose_declaration(open_table(file), Choices(label, entity, time, id_))
    text = declaration_text(proposal)
    if len(text) > LARGEST_FILE:
        columns = f"its {len(proposal.columns):,} columns make a declaration of {len(text) // 1000:,} kB"
        raise wrong_input(
            f"{file}: {columns}, at most {LARGEST_FILE // 1000} kB are read; leave columns out of the file"
        )
    try:
        parse_declaration(text, str(output))
        output.write_text(text, encoding="utf-8")
    except DeclarationError as error:
        raise wrong_input(f"{file}: cannot be declared as it is: {error}") from error
    except OSError as error:
        raise wrong_input(f"{output}: cannot be written: {error.strerror}") from error
    if as_json:
        print_json(proposal_document(proposal, output))
        return
    out.print(proposal_table(proposal, output))
    out.print("\nnext", style="bold")
    for command in next_commands(file, output):
        out.print(Text(f"  {command}"))


@stream.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The stream.toml.")], as_json: AsJson = False
) -> None:
    """Declare the stream in FILE, or a change of it, to the running deployment."""
    declaration = declaration_in(file)
    try:
        before, status = asyncio.run(_declare(declaration, used_deployment()))
    except RequestRefused as refusal:
        if refusal.field is None:
            raise
        raise wrong_input(f"{place_of(refusal.field, file)}: {refusal.detail}") from refusal
    cost = schedule_cost(declaration)
    document = {"stream": declaration.name, "status": status}
    tell(as_json, document, declaration_line(before, declaration), *([cost] if cost else []))


@stream.command()
def schema() -> None:
    """Print the JSON Schema of stream.toml, with which editors complete and check it."""
    sys.stdout.write(schema_text())


@stream.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the streams of the running deployment."""
    names = list(asyncio.run(_declared(used_deployment())).names())
    tell(as_json, {"streams": names}, *names)


@stream.command()
def show(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    as_json: AsJson = False,
) -> None:
    """Show a stream: what is declared, which model serves it, and whether it is held, paused or deleted."""
    found = request(lambda services: services.get(f"streams/{name}"))
    champion = request(lambda services: services.get(f"models/{name}/{found['champion']}"))
    tell(as_json, found, stream_table(found, champion))


async def _declare(declaration: Declaration, deployment: Deployment) -> tuple[Declaration | None, str]:
    """Declare it; what was declared before, None for a new stream, and what came of it."""
    async with open_services(deployment) as services:
        before = await services.declaration_of(declaration.name)
        return before, await services.declare(declaration.name, declaration.model_dump_json())


async def _declared(deployment: Deployment) -> Streams:
    async with open_log(deployment) as kafka_log:
        return await declared_streams(kafka_log, deployment.namespace)
