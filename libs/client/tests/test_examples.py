"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import penstock.client

MODULES = [module.name for module in pkgutil.walk_packages(penstock.client.__path__, "penstock.client.")]


@pytest.mark.parametrize("name", ["penstock.client", *MODULES])
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
