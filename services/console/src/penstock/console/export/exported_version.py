"""A version that is exported: its model as its package holds it, and rows on which it is proven."""

from __future__ import annotations

from dataclasses import dataclass, replace

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.contracts.records.models import ModelVersion
from penstock.ml.features.frame import Frame
from penstock.ml.fused.probe_rows import probe_rows
from penstock.ml.models.constant import Constant
from penstock.ml.models.frame_estimator import FrameEstimator
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import UnusablePackage, unpack_with_golden
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_loader import ModelLoader, StoreUnavailable


@dataclass(frozen=True)
class ExportedVersion:
    """A model of one scikit-learn estimator, and its golden rows; `member` is its number in a blend, if it is of one.

    `probe` are the golden rows and rows made from them: values missing, unknown and extreme, every level and hour.
    """

    stream: str
    version: ModelVersion
    model: Model
    golden: Frame
    member: int | None = None

    @property
    def name(self) -> str:
        """The version in words."""
        of = "" if self.member is None else f", member {self.member} ({self.model.family})"
        return f"version {self.version.version} of {self.stream}{of}"

    @property
    def time(self) -> str:
        """The name of the column with the time of a row, which is no field's."""
        name, fields = "time", {field.name for field in self.model.inputs}
        while name in fields:
            name = f"event.{name}"
        return name

    def probe(self) -> Frame:
        """Rows that the exported model must answer as this one does, the golden rows first."""
        return probe_rows(self.golden, self.model.encoder, {})


def open_version(loader: ModelLoader, stream: str, version: ModelVersion, member: int | None) -> ExportedVersion:
    """The model of a version, or a member of its blend.

    Raises:
        ConsoleFailure: it cannot be opened, or is no scikit-learn estimator.
    """
    name = f"version {version.version} of {stream}"
    try:
        model, golden = unpack_with_golden(loader.fetch(stream, version))
    except (RefusedModel, StoreUnavailable, UnusablePackage) as error:
        raise ConsoleFailure(f"{name} cannot be opened: {error}") from error
    if isinstance(model, Blend):
        model = _member(model, name, member)
    elif member is not None:
        raise wrong_input(f"{name} is no blend, so it has no member {member}; leave out --member")
    if isinstance(model.estimator, Constant):
        raise wrong_input(f"{name} answers the same to every row, it was not trained on any field: export another one")
    if isinstance(model.estimator, FrameEstimator):
        raise wrong_input(f"{name} was pushed, and is what its file is: take that, or ask it by penstock batch")
    return ExportedVersion(stream, version, replace(model, fusion=None), golden, member)


def _member(blend: Blend, name: str, number: int | None) -> Model:
    """A frozen model of a blend."""
    trained = {
        place: one for place, one in enumerate(blend.frozen_models, 1) if not isinstance(one.estimator, Constant)
    }
    members = ", ".join(f"{place} ({one.family})" for place, one in trained.items())
    if number is None:
        raise wrong_input(
            f"{name} is a blend: it learns from every outcome and remembers keys while it serves, which no exported "
            f"file does. Export one of the models in it, which answers for itself alone, with --member: {members}. Or "
            "declare [models] families without additive (and no lags or history), and export what is trained then."
        )
    if number not in trained:
        raise wrong_input(f"--member {number}: {name} has these: {members}")
    return trained[number]
