"""Digests of code: whether a stored result is of the code as it is now."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DIGEST_LENGTH = 16  # letters
LIBRARIES = ("river", "scikit-learn")


def digest(*parts: bytes) -> str:
    """A digest of the parts, in their order."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()[:DIGEST_LENGTH]


def library_versions() -> dict[str, str]:
    """The versions of the libraries that the references are made of."""
    return {name: version(name) for name in LIBRARIES}


@cache
def module_digest(*modules: Path) -> str:
    """A digest of modules and of those that they import from the same folders; comments and docstrings do not count."""
    closure = sorted(_with_imports(modules), key=str)
    return digest(*(_code(path).encode() for path in closure))


@cache
def product_digest() -> str:
    """A digest of what Penstock is made of: every module of libs and services, without their tests."""
    files = sorted(path for folder in ("libs", "services") for path in (REPOSITORY / folder).glob("*/src/**/*.py"))
    return digest(*(part for path in files for part in (str(path.relative_to(REPOSITORY)).encode(), path.read_bytes())))


def _with_imports(modules: Iterable[Path]) -> set[Path]:
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [other for name in _imported_names(path) if (other := _module_file(name)).is_file()]
    return found


def _imported_names(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module is not None]


def _module_file(name: str) -> Path:
    """The file of a module of the references; of others one that is none."""
    return REPOSITORY / (f"{name.replace('.', '/')}.py" if name.startswith("bench.evaluation.references.") else "")


def _code(path: Path) -> str:
    """The code of a module as Python reads it, without docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
