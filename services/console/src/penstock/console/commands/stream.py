"""`penstock stream init | apply | list`, and `import`"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.commands.stream_import import import_
from penstock.console.declared_streams import declared_streams
from penstock.console.deployment import Deployment, running_deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.init.propose_declaration import propose
from penstock.console.services_client import Requests
from penstock.console.table_file import open_table
from penstock.console.views.terminal import out
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration, read_declaration
from penstock.contracts.records.streams import Streams

stream = typer.Typer(help="Declare streams.", no_args_is_help=True)
stream.command("import")(import_)


def declaration_in(path: Path) -> Declaration:
    """The declaration in a file; a wrong one is one line on the terminal."""
    try:
        return read_declaration(path)
    except DeclarationError as error:
        raise wrong_input(str(error)) from error


@stream.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with a header, plain or gzipped.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the declaration.")],
    label: Annotated[str | None, typer.Option(help="The column to foretell; the last one unless named.")] = None,
    entity: Annotated[str | None, typer.Option(help="The column whose values keep their order.")] = None,
) -> None:
    """Write a first declaration from a sample of FILE, good enough to run as it is."""
    text = propose(open_table(file), label, entity)
    try:
        found = parse_declaration(text, str(output))
        output.write_text(text)
    except DeclarationError as error:
        raise wrong_input(f"{file}: cannot be declared as it is: {error}") from error
    except OSError as error:
        raise wrong_input(f"{output}: cannot be written: {error.strerror}") from error
    out.print(f"{output}: stream {found.name}, {found.task}, label {found.label.name}, {len(found.fields)} fields")


@stream.command()
def apply(file: Annotated[Path, typer.Argument(metavar="FILE", help="The stream.toml.")]) -> None:
    """Declare the stream in FILE, or a change of it, to the running deployment."""
    declaration = declaration_in(file)
    running = running_deployment(home_from_environment())
    out.print(f"{declaration.name}: {asyncio.run(_apply(declaration, running))}")


async def _apply(declaration: Declaration, running: Deployment) -> str:
    requests = Requests(running.url("ingestion"), running.url("registry"))
    try:
        return await requests.apply(declaration.name, declaration.model_dump_json())
    finally:
        await requests.close()


@stream.command("list")
def list_() -> None:
    """The streams of the running deployment."""
    for name in asyncio.run(_declared(running_deployment(home_from_environment()))).names():
        out.print(name)


async def _declared(running: Deployment) -> Streams:
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    try:
        return await declared_streams(log, running.namespace)
    finally:
        await log.close()
