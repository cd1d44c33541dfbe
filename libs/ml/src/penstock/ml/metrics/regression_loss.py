"""The loss that models of numbers are fitted by, which follows from the objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


LossName = Literal["absolute_error", "squared_error", "pinball"]


class RegressionLoss(NamedTuple):
    """A loss of errors (label - answer): its best constant is the median, the mean or a `quantile`."""

    name: LossName
    quantile: float = 0.5

    @classmethod
    def of_list(cls, plain: Sequence[Any]) -> RegressionLoss:
        """The loss whose fields these are.

        Raises:
            TypeError, ValueError: they are not.
        """
        name, quantile = plain[0], float(plain[1])
        if name not in get_args(LossName) or not 0 < quantile < 1:
            raise ValueError(f"no loss is named {name!r} with the quantile {quantile}")
        return cls(cast("LossName", name), quantile)

    @property
    def is_squared(self) -> bool:
        """Whether large errors count by their square."""
        return self.name == "squared_error"

    def of(self, errors: Floats) -> Floats:
        """The loss of each error; that of a pinball is twice as large as usual, so that its median's is the absolute.

        >>> RegressionLoss("pinball", 0.9).of(np.array([1.0, -1.0])).round(9).tolist()
        [1.8, 0.2]
        """
        return errors**2 if self.is_squared else np.abs(errors) * self.side_weights(errors)

    def side_weights(self, errors: Floats) -> Floats:
        """What an error counts by its sign: 1 but for a quantile."""
        return 2 * np.where(errors > 0, self.quantile, 1 - self.quantile)

    def centre_and_scale(self, labels: Floats) -> tuple[float, float]:
        """The best constant, and the unit of errors: 1 only where all labels are equal.

        The unit is the standard deviation of squared errors, else the median distance from the constant, or the mean
        distance where most labels are equal. Both follow the labels' own unit.

        >>> RegressionLoss("absolute_error").centre_and_scale(np.array([0.0, 0.0, 0.0, 4e-9]))
        (0.0, 1e-09)
        """
        centre = float(labels.mean() if self.is_squared else np.quantile(labels, self.quantile))
        distances = np.abs(labels - centre)
        largest = float(distances.max())
        if not largest:
            return centre, 1.0
        shares = distances / largest  # no sum of huge numbers overflows
        if self.is_squared:
            return centre, float(np.sqrt(np.mean(shares**2))) * largest
        return centre, float(np.median(distances)) or float(shares.mean()) * largest


ABSOLUTE_ERROR = RegressionLoss("absolute_error")
SQUARED_ERROR = RegressionLoss("squared_error")


def regression_loss(metric: str, quantile: float = 0.5) -> RegressionLoss:
    """The loss to fit by for an objective's metric: squared errors for RMSE, a pinball's, else absolute errors.

    RMSLE takes absolute ones, too: the median is the same on every monotone scale.
    """
    match metric:
        case "rmse":
            return SQUARED_ERROR
        case "pinball":
            return RegressionLoss("pinball", quantile)
        case _:
            return ABSOLUTE_ERROR
