"""`penstock model export STREAM VERSION`"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from penstock.artifacts import ArtifactError
from penstock.console.export.exported_version import ExportedVersion, open_version
from penstock.console.export.model_folder import write_folder
from penstock.console.export.sklearn_folder import write_sklearn
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.lineage.answer_reasons import open_model_loader
from penstock.console.registry_command import request
from penstock.console.remote_deployment import artifacts_and_keys, used_deployment
from penstock.console.views.terminal import out
from penstock.contracts.records.models import ModelVersion

model = typer.Typer(help="Take models elsewhere.", no_args_is_help=True)


@model.callback()
def commands() -> None:
    """Take models elsewhere."""


@model.command()
def export(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=0, help="The version, whether or not it served.")],
    output: Annotated[Path, typer.Option(help="The folder to write.")],
    sklearn: Annotated[bool, typer.Option("--sklearn", help="As its scikit-learn estimator; MLflow reads it.")] = False,
    pmml: Annotated[bool, typer.Option("--pmml", hidden=True)] = False,
    member: Annotated[int | None, typer.Option(min=1, help="Of a blend: which of its models.")] = None,
) -> None:
    """Write a model into a folder that needs no Penstock, if what was written answers as the model does."""
    if pmml:
        raise wrong_input(
            "PMML is not written: it holds neither missing values as these models take them, nor doubles."
        )
    if not sklearn:
        raise wrong_input("Say in which form: --sklearn")
    exported = _open(stream, version, member)
    difference = write_folder(output, lambda folder: write_sklearn(folder, exported))
    rows, golden = len(exported.probe()), len(exported.golden)
    equal = "bit by bit" if not difference else f"to within {difference:.1e}"
    out.print(
        f"{output}: {exported.name}, proven equal {equal} on {golden:,} golden rows and {rows - golden:,} of them"
    )


def _open(stream: str, version: int, member: int | None) -> ExportedVersion:
    view = request(lambda services: services.get(f"models/{stream}/{version}"))
    with tempfile.TemporaryDirectory(prefix="penstock-export-") as folder:
        artifacts, trusted_keys = artifacts_and_keys(used_deployment(), Path(folder))
        try:
            loader = open_model_loader(artifacts, trusted_keys)
        except ArtifactError as error:
            raise ConsoleFailure(f"The models of this deployment cannot be opened: {error}") from error
    return open_version(loader, stream, ModelVersion.model_validate(view["model"]), member)
