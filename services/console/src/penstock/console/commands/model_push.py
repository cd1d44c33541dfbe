"""`penstock model push FILE`"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.artifacts import ArtifactError, open_store
from penstock.console.commands.json_output import AsJson, tell
from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.push.push_notes import read_environment, read_metadata, read_trained_until
from penstock.console.push.push_package import PushPackage, push_package
from penstock.console.remote_deployment import artifacts_of, used_deployment
from penstock.console.services_client import open_services


def push(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The model: ONNX, or a scikit-learn pipeline that skops saved.")
    ],
    stream: Annotated[str, typer.Option(help="The stream that it is to answer.")],
    golden: Annotated[
        Path | None,
        typer.Option(help="A table of rows with the answers that the model gave: it must give them here, too."),
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="What versions are found by; may be repeated.")
    ] = None,
    environment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What it was made with: a file such as pip freeze writes.")
    ] = None,
    notes: Annotated[str, typer.Option(help="What else is to be known of it.")] = "",
    trained_until: Annotated[
        str | None, typer.Option(metavar="TIME", help="The event time up to which it has learnt; judged on later rows.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the file; push nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand in a model that was made elsewhere: a candidate, which is judged and served as any other is."""
    said = {
        "metadata": read_metadata(metadata or ()),
        "environment": read_environment(environment),
        "notes": notes,
        "trained_until": read_trained_until(trained_until),
    }
    document, text = asyncio.run(_push(used_deployment(), file, stream, golden, said, check))
    tell(as_json, document, text)


async def _push(
    deployment: Deployment, file: Path, stream: str, golden: Path | None, said: dict[str, Any], only_check: bool
) -> tuple[dict[str, Any], str]:
    """The push, or what would be pushed, for programs and for people."""
    async with open_services(deployment) as services:
        declaration = await services.declaration_of(stream)
        if declaration is None:
            raise wrong_input(f"--stream {stream}: no stream of this name is declared")
        package = await asyncio.to_thread(push_package, file, declaration, golden)
        document = {"stream": stream, "family": package.model.family, "golden": package.proven_rows, **said}
        if only_check:
            return document, f"{file}: {_description(package)}; not pushed"
        digest = await asyncio.to_thread(_upload, deployment, package.content)
        await services.push(stream, {"digest": digest, "family": package.model.family, **said})
    return document | {"digest": digest}, (
        f"{stream}: {file} is pushed, {_description(package)}. The trainer judges it once there are "
        f"{declaration.gates.holdout:,} outcomes that the champion has not learnt from, and the gates decide; "
        f"see: penstock models {stream}, penstock ledger {stream}"
    )


def _description(package: PushPackage) -> str:
    proof = f"proven on {package.proven_rows:,} golden rows" if package.proven_rows else "without golden rows"
    inputs = ", ".join(field.name for field in package.model.inputs)
    return f"{package.model.family}, which takes {inputs}, {proof}"


def _upload(deployment: Deployment, content: bytes) -> str:
    try:
        return open_store(artifacts_of(deployment)).put(content)
    except ArtifactError as error:
        raise ConsoleFailure(f"The model cannot be put into the store of this deployment: {error}") from error
