"""Another order of the same names declares nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.declaration_change import changed_keys
from penstock.contracts.declaration.declaration_order import SEQUENCES, in_order_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import read_declaration

EVERY_KEY = read_declaration(Path(__file__).parents[1] / "examples/stream.toml")


def shuffled(draw: st.DrawFn, value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: shuffled(draw, value[name], name) for name in draw(st.permutations(list(value)))}
    if isinstance(value, tuple) and key not in SEQUENCES:
        return tuple(draw(st.permutations(value)))
    return value


@st.composite
def reordered(draw: st.DrawFn) -> Declaration:
    return Declaration.model_validate(shuffled(draw, EVERY_KEY.model_dump()))


@given(reordered())
def test_the_same_names_in_another_order_are_the_same_declaration(other: Declaration) -> None:
    assert in_order_of(EVERY_KEY, other).model_dump_json() == EVERY_KEY.model_dump_json()


def test_further_names_come_behind_and_others_may_go() -> None:
    whole = EVERY_KEY.model_dump()
    whole["task"] = "multiclass"
    whole["label"] |= {"classes": ("maybe", "yes", "no"), "positive": None}
    whole["objective"] = {"metric": "accuracy"}  # costs name every pair of classes
    whole["fields"] = {"age": {"type": "number"}, **whole["fields"]}
    whole["drift"] |= {"tests": ("js", "ks")}
    whole["rollout"] |= {"steps": (0.01, 0.2)}
    ordered = in_order_of(EVERY_KEY, Declaration.model_validate(whole))
    assert ordered.label.classes == ("no", "yes", "maybe")
    assert list(ordered.fields) == [*EVERY_KEY.fields, "age"]
    assert ordered.drift.tests == ("ks", "js")
    assert ordered.rollout.steps == (0.01, 0.2)
    of_classes = ["label.classes", "label.positive", "objective.costs", "objective.metric"]
    others = ["task", "fields.age", "drift.tests", "rollout.steps"]
    assert sorted(changed_keys(EVERY_KEY, ordered)) == sorted([*of_classes, *others])
