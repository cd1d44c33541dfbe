"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import penstock.artifacts

MODULES = [module.name for module in pkgutil.walk_packages(penstock.artifacts.__path__, "penstock.artifacts.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    if name == "penstock.artifacts.object_store":
        pytest.importorskip("obstore")  # an extra that not every installation has
    assert doctest.testmod(importlib.import_module(name)).failed == 0
