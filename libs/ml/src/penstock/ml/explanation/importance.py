"""Which inputs a model's answers depend on most, over rows that it knows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from penstock.ml.explanation.reasons import reasons_of
from penstock.ml.features.frame import Frame
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend


@dataclass(frozen=True, slots=True)
class InputImportance:
    """The mean absolute contribution of an input to the margin of an answer (Lundberg et al., 2020)."""

    name: str
    importance: float


def importance_of(model: Model | Blend, known_rows: Frame) -> list[InputImportance]:
    """The importance of each input over the rows, the most first; a row that has no reasons is left out.

    Args:
        model: any; a blend as it is now.
        known_rows: rows with all inputs, such as the model's golden rows.

    Raises:
        WrongFields, UnusableAnswer: the model does not answer such rows.
    """
    totals: dict[str, float] = defaultdict(float)
    answers, explained = model.predict(known_rows), 0
    numbers = answers.numbers(max(1, len(model.classes)))
    for number in range(len(known_rows)):
        row = known_rows.take([number])
        try:
            reasons = reasons_of(model, row, known_rows, answers.values[number], numbers[number])
        except ValueError:  # a class that a member cannot tell from others
            continue
        explained += 1
        for contribution in reasons.contributions:
            totals[contribution.name] += abs(contribution.added)
    found = [InputImportance(name, total / explained) for name, total in totals.items()]
    return sorted(found, key=lambda one: -one.importance)
