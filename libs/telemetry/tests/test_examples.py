"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import penstock.telemetry

MODULES = [module.name for module in pkgutil.walk_packages(penstock.telemetry.__path__, "penstock.telemetry.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
