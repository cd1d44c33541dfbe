"""The README of an exported model."""

from __future__ import annotations

from penstock.console.export.exported_version import ExportedVersion


def readme(exported: ExportedVersion) -> str:
    """What the folder holds, and how a row becomes the model's input."""
    return f"""# {exported.name}

A {exported.model.task} model of the family {exported.model.family}, trained by Penstock.
Its package has the digest `{exported.version.digest}`.

```python
import sys

sys.path.insert(0, "FOLDER")
from penstock_model import open_model

open_model("FOLDER").predict(rows)  # a DataFrame, or a dict of columns
```

It needs the packages of `requirements.txt`. With MLflow: `mlflow.pyfunc.load_model("FOLDER").predict(frame)`.

## What a row holds

{input_lines(exported)}

A missing value is None or NaN. Booleans are 0 and 1.{_lags(exported)}

## Files

- `model.skops`: the fitted scikit-learn estimator. Its input is a matrix, made of rows by `penstock_model.py`.
- `model.json`: version, inputs, the columns of the matrix and how each is made, and what is made of the estimator's
  output: `smoothing` spreads that share of probability over all classes, `calibration` scales and shifts logarithms of
  probabilities, and with `decision_costs` (true class by row, answer by column) the class of least expected cost is
  the answer, without the likeliest.
- `golden.json`: rows with the version's answers to them. The folder gave the same when it was written.
- `MLmodel`: for MLflow.
"""


def input_lines(exported: ExportedVersion) -> str:
    """The columns of a row, one a line."""
    kinds = {"number": "a number", "category": "text"}
    lines = [f"- `{field.name}`: {kinds[field.kind]}" for field in exported.model.inputs]
    if parts := exported.model.encoder.time_parts:
        lines.append(
            f"- `{exported.time}`: when it happened, in UTC unless it says otherwise; used are {', '.join(parts)} "
            f"in {exported.model.encoder.zone}"
        )
    return "\n".join(lines)


def _lags(exported: ExportedVersion) -> str:
    if not any(field.name.startswith("known.") for field in exported.model.inputs):
        return ""
    return (
        " What begins with `known.` is known of earlier labels at that moment: Penstock keeps it while it serves, "
        "here whoever calls must."
    )
