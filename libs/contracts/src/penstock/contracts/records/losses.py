"""The losses of a model's answers, by their moments: what can be added up, and tested without the answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class LossMoments(BaseModel):
    """The losses of `rows` answers: their mean, and the sum of squared deviations from it, in units of the `loss`.

    Where classes are weighed alike the deviations are those from the class's own mean, weighted as the losses are.

    `loss` names what is lost by one answer: `error` (0 or 1 for a class, weighted by class where the objective weighs
    classes alike), `cost`, `log_loss`, `absolute_error`, `squared_error`, `squared_log_error` or
    `pinball`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    loss: str
    rows: int
    mean: float
    squares: float
