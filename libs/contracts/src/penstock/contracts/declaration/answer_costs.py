"""What answers cost by the true class, as an objective declares it."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.contracts.declaration.model_lifecycle import ObjectiveDeclaration
from penstock.contracts.declaration.violation import error_at

PATH = ("objective", "costs")


def check_costs(objective: ObjectiveDeclaration, classes: Sequence[str], *, accepts_classes: bool) -> None:
    """Check that costs go with the metric `cost`, and name every wrong answer to the declared classes.

    Raises:
        PydanticCustomError: they do not; it names the key.
    """
    if objective.costs is None:
        if objective.metric == "cost":
            raise error_at(PATH, f"the metric cost needs costs, {_example(classes)}")
        return
    _check_names(objective.costs, classes)
    if objective.metric != "cost":
        raise error_at(PATH, f"are for the metric cost, the metric is {objective.metric}")
    if accepts_classes:
        raise error_at(PATH, 'a class that is not listed has no cost: set new_classes = "refuse"')
    _check_every_pair(objective.costs, classes)


def cost_table(costs: dict[str, dict[str, float]], classes: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """The costs by true class (row) and answer (column), in the order of these k classes.

    >>> cost_table({"no": {"yes": 1.0}, "yes": {"no": 50.0}}, ["no", "yes"])
    ((0.0, 1.0), (50.0, 0.0))
    """
    return tuple(tuple(answer_cost(costs, true, answer) for answer in classes) for true in classes)


def answer_cost(costs: dict[str, dict[str, float]], true: str, answer: str) -> float:
    """What an answer costs where another class is true, or the same.

    A class that is not declared, as of labels of an earlier declaration, costs as much as the dearest answer.
    """
    if answer in costs.get(true, {}):
        return costs[true][answer]
    return 0.0 if true == answer else max(cost for answers in costs.values() for cost in answers.values())


def _check_names(costs: dict[str, dict[str, float]], classes: Sequence[str]) -> None:
    for true, answers in costs.items():
        for path, name in (((*PATH, true), true), *(((*PATH, true, answer), answer) for answer in answers)):
            if name not in classes:
                raise error_at(path, f"is none of the classes {', '.join(classes)}")


def _check_every_pair(costs: dict[str, dict[str, float]], classes: Sequence[str]) -> None:
    for true in classes:
        for answer in classes:
            if answer != true and answer not in costs.get(true, {}):
                raise error_at((*PATH, true, answer), f"is missing: what {answer!r} costs where {true!r} is true")


def _example(classes: Sequence[str]) -> str:
    return f'such as costs = {{ "{classes[-1]}" = {{ "{classes[0]}" = 50.0 }}, … }}' if classes else "of its classes"
