"""A model's file as an unsigned package for a stream, which the trainer opens with the same checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penstock.console.failure import wrong_input
from penstock.console.push.golden_file import read_golden_file
from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.model import Model
from penstock.ml.package.graph_check import MAX_BYTES
from penstock.ml.package.model_file import BadModelFile, check_answers, read_model_file
from penstock.ml.package.model_package import pack


@dataclass(frozen=True)
class PushPackage:
    """A package, its model, and how many golden rows of its maker's it was proven on."""

    content: bytes
    model: Model
    proven_rows: int


def push_package(file: Path, declaration: Declaration, golden: Path | None) -> PushPackage:
    """The package of a model in a file, for a stream; proven on golden rows if there are some.

    Raises:
        ConsoleFailure: the file cannot be read, holds no model that the stream can use, or one that answers the golden
            rows otherwise.
    """
    model = _read(file, declaration)
    given = None if golden is None else read_golden_file(golden, declaration, model.inputs)
    rows = _usual_row(model, declaration) if given is None else given.frame
    try:
        check_answers(model, rows)
    except BadModelFile as error:
        made_up = (
            "" if given is not None else " (to a row of ones and first categories: give rows of yours with --golden)"
        )
        raise wrong_input(f"{file}: {error}{made_up}") from error
    if given is not None:
        given.prove(model)
    return PushPackage(pack(model, rows), model, 0 if given is None else len(rows))


def _read(file: Path, declaration: Declaration) -> Model:
    features = declaration.features
    fields = [Field(name, "category" if one.type == "category" else "number") for name, one in features.items()]
    try:
        if file.stat().st_size > MAX_BYTES:
            raise wrong_input(f"{file}: it has {file.stat().st_size:,} bytes, at most {MAX_BYTES:,} are read")
        return read_model_file(
            file.read_bytes(),
            fields,
            {name: one.categories for name, one in features.items()},
            declaration.task,
            declaration.label.classes,
            {name for name, one in features.items() if one.missing != "refuse"},
        )
    except OSError as error:
        raise wrong_input(f"{file}: cannot be read: {error.strerror}") from error
    except BadModelFile as error:
        raise wrong_input(f"{file}: {error}") from error


def _usual_row(model: Model, declaration: Declaration) -> Frame:
    """One row of usual values, to see that the model answers at all."""
    columns = {one.name: column(one.kind, [_usual(declaration.fields[one.name])]) for one in model.inputs}
    return Frame(columns, times([None]))


def _usual(field: FieldDeclaration) -> str | float:
    if field.type == "category":
        return field.categories[0] if field.categories else ""
    low, high = (float(default if bound is None else bound) for bound, default in ((field.min, 1.0), (field.max, 1.0)))
    return min(max(1.0, low), max(high, low))
