"""Opens a model's artifact, and checks that the model may serve its stream."""

from __future__ import annotations

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import UnusablePackage, unpack
from penstock.server.models.schema_check import schema_mismatch


class RefusedModel(Exception):
    """The model must not serve; `temporary` when a later try may go otherwise."""

    def __init__(self, reason: str, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary


def open_model(artifact: bytes, declaration: Declaration) -> Model | Blend:
    """Unpack the model, which repeats its golden rows (that also warms it up), and check it against the declaration.

    Raises:
        RefusedModel: it must not serve.
    """
    try:
        model = unpack(artifact)
    except UnusablePackage as error:
        raise RefusedModel(str(error)) from error
    mismatch = schema_mismatch(model, declaration)
    if mismatch:
        raise RefusedModel(f"the model does not fit the stream: {mismatch}")
    return model
