"""What this library exports, listed, so that whatever is new without its laws is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import isclass, isfunction
from pkgutil import walk_packages
from typing import Any

import penstock.ml


def exported(of: str = "penstock.ml") -> dict[str, Any]:
    """Every public class and function that the modules below `of` define themselves, by its full name."""
    return {
        f"{module.__name__}.{name}": found
        for module in _modules(of)
        for name, found in vars(module).items()
        if not name.startswith("_") and (isclass(found) or isfunction(found)) and found.__module__ == module.__name__
    }


def with_any_of(*methods: str) -> set[type]:
    """The exported classes that have one of these methods."""
    return {
        found for found in exported().values() if isclass(found) and any(hasattr(found, method) for method in methods)
    }


def _modules(of: str) -> Iterator[Any]:
    for found in walk_packages(penstock.ml.__path__, "penstock.ml."):
        if found.name == of or found.name.startswith(f"{of}."):
            yield import_module(found.name)
