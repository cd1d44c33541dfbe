"""Costs of answers: what a declaration must say of them, and the positive class."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.declaration.answer_costs import answer_cost, cost_table
from penstock.contracts.declaration.declaration_change import training_inputs
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration

STREAM = """
[stream]
name = "loans"
task = "{task}"
[fields]
x = {{ type = "number" }}
[label]
name = "late"
{label}
[objective]
{objective}
"""
COSTS = 'metric = "cost"\ncosts = { no = { yes = 1.0 }, yes = { no = 50 } }'
TWO = 'classes = ["no", "yes"]'


def parsed(objective: str = COSTS, label: str = TWO, task: str = "binary") -> Declaration:
    return parse_declaration(STREAM.format(task=task, label=label, objective=objective))


@pytest.mark.parametrize(
    ("objective", "label", "why"),
    [
        ('metric = "cost"', TWO, "objective.costs.*needs costs"),
        (COSTS.replace('"cost"', '"f1"'), TWO, "objective.costs.*the metric is f1"),
        ('metric = "cost"\ncosts = { yes = { no = 50 } }', TWO, "objective.costs.no.yes.*is missing"),
        ('metric = "cost"\ncosts = { yes = { yes = 0 }, no = { yes = 1 } }', TWO, "objective.costs.yes.no.*is missing"),
        (COSTS.replace("1.0", "1e13"), TWO, "objective.costs.no.yes"),
        (COSTS.replace("1.0", "nan"), TWO, "objective.costs.no.yes"),
        (COSTS.replace("{ no = 50 }", "{ no = 50, maybe = 1 }"), TWO, "objective.costs.yes.maybe.*none of the classes"),
        (COSTS, TWO + '\npositive = "maybe"', "label.positive.*none of the classes no, yes"),
    ],
)
def test_wrong_costs_and_positive_classes_are_named(objective: str, label: str, why: str) -> None:
    with pytest.raises(DeclarationError, match=why):
        parsed(objective, label)


def test_costs_are_of_listed_classes_and_the_positive_class_of_two() -> None:
    with pytest.raises(DeclarationError, match="new_classes"):
        parsed(label=TWO + '\nnew_classes = "accept"', task="multiclass")
    with pytest.raises(DeclarationError, match=r"label.positive.*multiclass"):
        parsed(label=TWO + '\npositive = "yes"', task="multiclass")


@pytest.mark.parametrize(("label", "positive"), [(TWO, "yes"), (TWO + '\npositive = "no"', "no")])
def test_the_positive_class_is_the_second_unless_named(label: str, positive: str) -> None:
    declared = parsed(label=label)
    assert (declared.positive_class, declared.label.classes) == (positive, ("no", "yes"))


def test_a_right_answer_costs_nothing_unless_it_is_said() -> None:
    costs = {"no": {"yes": 1.0}, "yes": {"no": 50.0, "yes": -3.0}}
    assert cost_table(costs, ["no", "yes"]) == ((0.0, 1.0), (50.0, -3.0))
    assert cost_table(costs, ["yes", "no"]) == ((-3.0, 50.0), (1.0, 0.0))
    assert (answer_cost(costs, "yes", "maybe"), answer_cost(costs, "maybe", "maybe")) == (50.0, 0.0)


@pytest.mark.parametrize(
    "changes",
    [{"objective": COSTS.replace("50", "40")}, {"label": TWO + '\npositive = "no"'}],
    ids=["costs", "positive"],
)
def test_a_new_rule_takes_a_new_model(changes: dict[str, Any]) -> None:
    assert training_inputs(parsed(**changes)) != training_inputs(parsed())
    assert training_inputs(parsed()) == training_inputs(parsed())
