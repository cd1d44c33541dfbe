"""`penstock model export STREAM VERSION`, and `push`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.commands.model_push import push
from penstock.console.export.bento_folder import write_bento
from penstock.console.export.exported_version import ExportedVersion, open_version
from penstock.console.export.model_folder import write_folder
from penstock.console.export.sklearn_folder import write_sklearn
from penstock.console.failure import wrong_input
from penstock.console.model_access import open_model_loader
from penstock.console.registry_command import request
from penstock.console.remote_deployment import used_deployment
from penstock.contracts.records.models import ModelVersion

model = typer.Typer(help="Bring models in, and take them elsewhere.", no_args_is_help=True)
model.command()(push)


def write_graph(folder: Path, exported: ExportedVersion) -> float:
    """Write a model as a graph, where what makes graphs is installed.

    Raises:
        ConsoleFailure: it is not; and as `write_onnx`.
    """
    try:
        from penstock.console.export.onnx_folder import write_onnx  # noqa: PLC0415
    except ImportError as error:
        raise wrong_input(NO_ONNX) from error
    return write_onnx(folder, exported)


FORMS: dict[str, Callable[[Path, ExportedVersion], float]] = {
    "--sklearn": write_sklearn,
    "--bento": write_bento,
    "--onnx": write_graph,
}
"""What writes each form."""
NO_PMML = "Models are not written as PMML: there is no reader of it here to prove that a file answers as its model."
NO_ONNX = (
    "Graphs are made with onnx and onnxruntime, which are not installed here: pip install 'penstock-console[onnx]'"
)


@model.command()
def export(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=0, help="The version, whether or not it served.")],
    output: Annotated[Path, typer.Option(help="The folder to write.")],
    sklearn: Annotated[bool, typer.Option("--sklearn", help="As its scikit-learn estimator; MLflow reads it.")] = False,
    bento: Annotated[bool, typer.Option("--bento", help="As a service of BentoML, with a Dockerfile.")] = False,
    onnx: Annotated[bool, typer.Option("--onnx", help="As a graph for ONNX Runtime.")] = False,
    pmml: Annotated[bool, typer.Option("--pmml", hidden=True)] = False,
    member: Annotated[int | None, typer.Option(min=1, help="Of a blend: which of its models.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a model into a folder that needs no Penstock, if what was written answers as the model does."""
    if pmml:
        raise wrong_input(f"{NO_PMML} Use one of {', '.join(FORMS)}.")
    asked = [form for form, is_asked in zip(FORMS, (sklearn, bento, onnx), strict=True) if is_asked]
    if len(asked) != 1:
        raise wrong_input(f"Say in which form, one of {', '.join(FORMS)}")
    exported = _open(stream, version, member)
    difference = write_folder(output, lambda folder: FORMS[asked[0]](folder, exported))
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
