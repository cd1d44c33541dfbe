"""What lag features go on from where a training reads the newest outcomes alone: what the champion knew before."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

from penstock.artifacts import Store
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import UnusablePackage, unpack


@dataclass(frozen=True, slots=True, eq=False)
class EarlierHistory:
    """The label history of the outcomes before offset `learnt_to`."""

    history: LabelHistory
    learnt_to: int

    def copy(self) -> LabelHistory:
        """The history, to go on from."""
        return deepcopy(self.history)


def earlier_history(digest: str, store: Store, lags: Lags, first_offset: int) -> EarlierHistory | None:
    """The history in a package, if it is of these lags and lacks no outcome before the first that is read.

    Raises:
        ArtifactError: the package is missing or corrupt.
    """
    try:
        model = unpack(store.get(digest))
    except UnusablePackage:
        return None
    if not isinstance(model, Blend) or model.lags != lags or model.learnt_to < first_offset:
        return None
    return EarlierHistory(model.label_history, model.learnt_to)
