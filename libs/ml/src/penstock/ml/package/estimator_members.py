"""A model's estimator as a member of its package: as canonical skops, or an ONNX graph as it came."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.models.onnx_graph import ONNX, MissingRuntime, OnnxGraph
from penstock.ml.models.row_pipeline import SKLEARN, RowPipeline
from penstock.ml.package import estimator_bytes
from penstock.ml.package.graph_check import check_graph

ESTIMATOR, GRAPH = "estimator.skops", "estimator.onnx"


def member_name(family: str) -> str:
    """The name of the member that holds a family's estimator."""
    return GRAPH if family == ONNX else ESTIMATOR


def libraries_of(family: str) -> dict[str, str]:
    """Further libraries that a family is run by, with their versions.

    Raises:
        MissingRuntime: they are not installed.
    """
    try:
        return {"onnxruntime": version("onnxruntime")} if family == ONNX else {}
    except PackageNotFoundError:
        raise MissingRuntime from None


def write_estimator(estimator: Any) -> dict[str, bytes]:
    """The estimator by the name of its member."""
    if isinstance(estimator, OnnxGraph):
        return {GRAPH: estimator.content}
    return {ESTIMATOR: estimator_bytes.dump(estimator.pipeline if isinstance(estimator, RowPipeline) else estimator)}


def describe_estimator(estimator: Any) -> dict[str, Any]:
    """What is to be known of the estimator beside its member, as plain data that JSON can hold."""
    if isinstance(estimator, RowPipeline):
        return {"pipeline": {"places": list(estimator.places), "texts": estimator.texts}}
    return {}


def read_estimator(manifest: Mapping[str, Any], members: Mapping[str, bytes], encoder: Encoder) -> Any:
    """The estimator that `write_estimator` wrote, checked before anything in it is used.

    Raises:
        BadGraph, BadLayout, MissingRuntime: an ONNX graph may not be run, does not fit, or cannot be run here.
        BadArchive, UntrustedEstimator: another one is refused.
    """
    if manifest["family"] == SKLEARN:
        described = manifest["pipeline"]
        places, texts = tuple(map(int, described["places"])), bool(described["texts"])
        return RowPipeline(estimator_bytes.load(members[ESTIMATOR]), encoder, places, texts)
    if manifest["family"] != ONNX:
        return estimator_bytes.load(members[ESTIMATOR])
    check_graph(members[GRAPH])
    graph = OnnxGraph(members[GRAPH], encoder, tuple(manifest["classes"]))
    _ = graph.layout
    return graph
