"""A model as an ONNX graph, with what is to be known of it; proven with ONNX Runtime."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from penstock.console.export.exported_version import ExportedVersion
from penstock.console.export.graph.answer import PREDICTION, PROBABILITIES, add_answer
from penstock.console.export.graph.builder import GraphBuilder
from penstock.console.export.graph.inputs import NoGraph, add_columns
from penstock.console.export.graph.linear import add_linear
from penstock.console.export.graph.trees import add_boosting, add_forest
from penstock.console.export.model_folder import describe, write_common
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.ml.features.feature_encoder import time_part
from penstock.ml.features.frame import Frame
from penstock.ml.features.local_times import local_times
from penstock.ml.models.model import Model

TOLERANCE = 1e-9
FILE = "model.onnx"


def write_onnx(folder: Path, exported: ExportedVersion) -> float:
    """Write a model into a folder as a graph, ask the graph that was written, and compare; the largest difference.

    Raises:
        ConsoleFailure: it has no graph, or the graph does not answer as the version does.
    """
    try:
        content = graph_of(exported.model, exported.name)
    except NoGraph as error:
        raise wrong_input(f"{exported.name} is not written as ONNX: {error}. Use --sklearn.") from error
    (folder / FILE).write_bytes(content)
    (folder / "requirements.txt").write_text(f"onnxruntime=={version('onnxruntime')}\nnumpy\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(exported), encoding="utf-8")
    write_common(folder, exported, describe(exported))
    return prove_graph(folder, exported)


def graph_of(model: Model, name: str) -> bytes:
    """The graph of a model.

    Raises:
        NoGraph: its family, or its estimator, has none.
    """
    graph = GraphBuilder()
    columns, codes = add_columns(graph, model.encoder)
    match model.family:
        case "linear":
            estimated = add_linear(graph, columns, model.estimator)
        case "boosting":
            estimated = add_boosting(graph, columns, codes, model.encoder, model.estimator)
        case "forest":
            estimated = add_forest(graph, columns, model.estimator)
        case family:
            raise NoGraph(f"the family {family} has no graph")
    add_answer(graph, model, estimated)
    return graph.content(model.family, name)


def prove_graph(folder: Path, exported: ExportedVersion) -> float:
    """The largest difference between the numbers of the graph in a folder, and the version's, on its probe rows.

    Raises:
        ConsoleFailure: they differ by more than `TOLERANCE` of the number and of the largest, or in an answer that is
            no tie.
    """
    import onnxruntime  # noqa: PLC0415

    rows = exported.probe()
    expected = exported.model.predict(rows)
    session = onnxruntime.InferenceSession((folder / FILE).read_bytes(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    answers = dict(zip(names, session.run(names, graph_inputs(exported.model, rows)), strict=True))
    wanted = np.array(expected.values) if expected.probabilities is None else expected.probabilities
    numbers = answers[PREDICTION if expected.probabilities is None else PROBABILITIES]
    difference = float(np.abs(numbers - wanted).max(initial=0.0))
    if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0))):
        raise ConsoleFailure(f"{exported.name}: the graph's numbers differ by up to {difference:.1e}; not kept")
    if exported.model.classes and answers[PREDICTION].tolist() != expected.values:
        raise ConsoleFailure(f"{exported.name}: the graph answers another class to some row; not kept")
    return difference


def graph_inputs(model: Model, rows: Frame) -> dict[str, Any]:
    """N rows as a graph takes them."""
    given: dict[str, Any] = {}
    for field in model.encoder.fields:
        values = rows.columns[field.name]
        texts = ["" if value is None else value for value in values.tolist()] if field.kind == "category" else None
        given[field.name] = values.astype(np.float64) if texts is None else np.array(texts, dtype=object)
    for part in model.encoder.time_parts:
        given[f"time.{part}"] = time_part(part, local_times(rows.times, model.encoder.zone)).astype(np.float64)
    return given


def _readme(exported: ExportedVersion) -> str:
    encoder = exported.model.encoder
    kinds = {"number": "double, NaN where it is missing", "category": "string, empty where it is missing"}
    lines = [f"- `{field.name}`: {kinds[field.kind]}" for field in encoder.fields]
    lines += [
        f"- `time.{part}`: double, the {part} of the event's time in {encoder.zone}" for part in encoder.time_parts
    ]
    classes = exported.model.classes
    answers = f"- `{PREDICTION}`: {'string, the class' if classes else 'double'}, `[N]`"
    if classes:
        answers += f"\n- `{PROBABILITIES}`: double, `[N, {len(classes)}]`: {', '.join(classes)}"
    inputs = "\n".join(lines)
    return f"""# {exported.name}

A {exported.model.task} model of the family {exported.model.family}, trained by Penstock, as an ONNX graph in doubles.
Its package has the digest `{exported.version.digest}`.

```python
import onnxruntime

onnxruntime.InferenceSession("{FILE}").run(None, inputs)  # a dict of arrays
```

## Inputs, each of shape `[N]`

{inputs}

Hours are 0 to 23, weekdays 0 to 6 from Monday, days of the year 1 to 366, months 1 to 12.

## Outputs

{answers}

## Files

- `{FILE}`: the graph, of ONNX's own operators (ai.onnx 17, ai.onnx.ml 5).
- `golden.json`: rows with the version's answers to them. The graph gave the same to within {TOLERANCE:g}.
- `model.json`: version, inputs, and what the graph does with them.
"""
