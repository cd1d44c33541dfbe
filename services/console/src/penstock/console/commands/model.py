"""`penstock model export STREAM VERSION`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.export.exported_version import ExportedVersion, open_version
from penstock.console.export.model_folder import write_folder
from penstock.console.export.sklearn_folder import write_sklearn
from penstock.console.failure import wrong_input
from penstock.console.model_access import open_model_loader
from penstock.console.registry_command import request
from penstock.console.remote_deployment import used_deployment
from penstock.contracts.records.models import ModelVersion

model = typer.Typer(help="Take models elsewhere.", no_args_is_help=True)


REFUSED = {
    "onnx": "Models are not written as ONNX: skl2onnx 1.20 does not convert how linear models mark missing values, nor "
    "was a forest or boosting converted by it in a minute.",
    "bento": "Models are not written as a Bento yet.",
    "pmml": "Models are not written as PMML: there is no reader of it here to prove that a file answers as its model.",
}
"""Why there is no such form, by its option."""


@model.callback()
def commands() -> None:
    """Take models elsewhere."""


@model.command()
def export(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=0, help="The version, whether or not it served.")],
    output: Annotated[Path, typer.Option(help="The folder to write.")],
    sklearn: Annotated[bool, typer.Option("--sklearn", help="As its scikit-learn estimator; MLflow reads it.")] = False,
    onnx: Annotated[bool, typer.Option("--onnx", hidden=True)] = False,
    bento: Annotated[bool, typer.Option("--bento", hidden=True)] = False,
    pmml: Annotated[bool, typer.Option("--pmml", hidden=True)] = False,
    member: Annotated[int | None, typer.Option(min=1, help="Of a blend: which of its models.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a model into a folder that needs no Penstock, if what was written answers as the model does."""
    asked = {"onnx": onnx, "bento": bento, "pmml": pmml}
    if refused := [reason for form, reason in REFUSED.items() if asked[form]]:
        raise wrong_input(f"{refused[0]} Use --sklearn.")
    if not sklearn:
        raise wrong_input("Say in which form: --sklearn")
    exported = _open(stream, version, member)
    difference = write_folder(output, lambda folder: write_sklearn(folder, exported))
    rows, golden = len(exported.probe()), len(exported.golden)
    equal = "bit by bit" if not difference else f"to within {difference:.1e}"
    proof = f"proven equal {equal} on {golden:,} golden rows and {rows - golden:,} made from them"
    document = {"output": str(output), "model": exported.name, "rows": rows, "golden": golden, "difference": difference}
    tell(as_json, document, f"{output}: {exported.name}, {proof}")


def _open(stream: str, version: int, member: int | None) -> ExportedVersion:
    view = request(lambda services: services.get(f"models/{stream}/{version}"))
    return open_version(
        open_model_loader(used_deployment()), stream, ModelVersion.model_validate(view["model"]), member
    )
