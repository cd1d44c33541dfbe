"""The page of guarantees names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
NODE_ID = re.compile(r"`((?:libs|services|tests)/[\w./-]+\.py)::(\w+)`")


def functions_in(path: Path) -> set[str]:
    """The names of a module's functions."""
    module = ast.parse(path.read_text())
    return {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_the_page_names_exists() -> None:
    named = NODE_ID.findall(PAGE)
    absent = [f"{path}::{test}" for path, test in named if test not in functions_in(ROOT / path)]
    assert PAGE.count(".py::") == len(named)
    assert absent == []


def test_every_promise_names_its_limits_and_a_test() -> None:
    promises = re.split(r"^### ", PAGE.partition("\n## Bad input")[0], flags=re.MULTILINE)[1:]
    assert [promise.split()[0] for promise in promises] == [f"P{number}" for number in range(1, 10)]
    assert all("- *Limits*: " in promise and NODE_ID.search(promise) for promise in promises)
