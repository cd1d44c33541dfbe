"""A push that asks for more memory than it may have fails, and says so."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from onnx import TensorProto, helper

from penstock.artifacts import FileStore
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.pushes import Push
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.package import zip_archive
from penstock.ml.package.model_file import read_model_file
from penstock.ml.package.model_package import pack
from penstock.trainer.job import TrainingJob
from penstock.trainer.processes.child_processes import ChildProcesses

DECLARATION = Declaration.model_validate(
    {
        "name": "power",
        "task": "regression",
        "fields": {"load": {"type": "number"}},
        "label": {"name": "price"},
    }
)


def graph() -> bytes:
    """The largest of as many ones as the load says."""
    nodes = [
        helper.make_node("Cast", ["load"], ["length"], to=TensorProto.INT64),
        helper.make_node("ConstantOfShape", ["length"], ["ones"], value=helper.make_tensor("one", 11, [1], [1.0])),
        helper.make_node("ReduceMax", ["ones"], ["largest"], keepdims=0),
        helper.make_node("Mul", ["load", "largest"], ["out"]),
    ]
    infos = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["N"]) for name in ("load", "out")]
    model = helper.make_model(
        helper.make_graph(nodes, "g", infos[:1], infos[1:]), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    content: bytes = model.SerializeToString()
    return content


def asking_for_much(package: bytes) -> bytes:
    """The package with a golden row for which its graph takes 12 GB."""
    members = zip_archive.read(package)
    golden = members["golden.json"].replace(b"[3.0]", b"[1500000000.0]")
    digests = (sha256(content).hexdigest().encode() for content in (members["golden.json"], golden))
    manifest = members["manifest.json"].replace(*digests)
    return zip_archive.write(members | {"manifest.json": manifest, "golden.json": golden})


async def test_a_graph_that_takes_all_memory_fails_in_words(tmp_path: Path) -> None:
    model = read_model_file(graph(), [Field("load", "number")], {}, "regression", ())
    package = pack(model, Frame({"load": column("number", [3.0])}, times([None])))
    digest = FileStore(tmp_path).put(asking_for_much(package))
    job = TrainingJob(declaration=DECLARATION, segments=(), push=Push(digest=digest, family="onnx"))
    result = await ChildProcesses(str(tmp_path), 60).run_job(job)
    assert result.failure is not None
    assert "the graph fails" in result.failure
    assert "Failed to allocate memory" in result.failure
