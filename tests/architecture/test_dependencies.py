"""What a distribution imports it declares, and what it declares it imports; everything is pinned by hash."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
LOADED_BY_NAME = {
    "psycopg",
    "httptools",
    "cramjam",
    "plotly",
}  # a driver that a database URL asks for; uvicorn's parser; codecs of the Kafka client; a script for browsers


def project_of(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def declared_by(folder: Path) -> set[str]:
    project = project_of(folder)
    extras = [line for lines in project.get("optional-dependencies", {}).values() for line in lines]
    return {canonicalize_name(Requirement(line).name) for line in [*project.get("dependencies", []), *extras]}


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def owners() -> dict[str, list[str]]:
    return {module: [canonicalize_name(n) for n in names] for module, names in packages_distributions().items()}


@cache
def namespaced() -> dict[str, str]:
    """Dotted module prefixes of packages that share their first name (`opentelemetry.sdk` …), with their owner."""
    from importlib.metadata import distributions  # noqa: PLC0415 - walked once, by this function alone

    found: dict[str, str] = {}
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        for file in distribution.files or []:
            if file.suffix == ".py" and len(file.parts) > 1 and len(owners().get(file.parts[0], [])) > 1:
                found.setdefault(".".join([*file.parts[:-1], *([file.stem] if file.stem != "__init__" else [])]), name)
                for depth in range(2, len(file.parts)):
                    found.setdefault(".".join(file.parts[:depth]), name)
    return found


def owner_of(module: str) -> str | None:
    """The distribution that a module comes from; None for the standard library."""
    first, *rest = module.split(".")
    if first in sys.stdlib_module_names:
        return None
    if first == "penstock":
        return f"penstock-{rest[0].replace('_', '-')}"
    candidates = owners().get(first, [])
    if len(set(candidates)) <= 1:
        return candidates[0] if candidates else first
    for depth in range(len(rest), 0, -1):
        if found := namespaced().get(".".join([first, *rest[:depth]])):
            return found
    return candidates[0]


def used_by(folder: Path) -> set[str]:
    modules = {module for path in (folder / "src").rglob("*.py") for module in imported_modules(path)}
    return {owner for module in modules if (owner := owner_of(module))} - {f"penstock-{folder.name}"}


def reachable(name: str) -> set[str]:
    """Our own distributions that come with `name`, itself included."""
    folder = next(path for path in DISTRIBUTIONS if f"penstock-{path.name}" == name)
    own = {dependency for dependency in declared_by(folder) if dependency.startswith("penstock-")}
    return {name}.union(*(reachable(dependency) for dependency in own))


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_what_is_imported_is_declared(folder: Path) -> None:
    used = used_by(folder)
    third_party = {name for name in used if not name.startswith("penstock-")}
    assert third_party - declared_by(folder) == set(), "imported, not declared in its own pyproject"
    ours = {name for name in used if name.startswith("penstock-")}
    assert ours - reachable(f"penstock-{folder.name}") == set(), "does not come with what it declares"


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_what_is_declared_is_imported(folder: Path) -> None:
    third_party = {name for name in declared_by(folder) if not name.startswith("penstock-")}
    assert third_party - used_by(folder) - LOADED_BY_NAME == set()


def pinned() -> dict[str, str]:
    blocks = re.split(r"\n(?=\S)", (ROOT / "constraints.txt").read_text().strip())
    return {canonicalize_name(Requirement(block.split("\\")[0].strip()).name): block for block in blocks}


def test_every_dependency_is_pinned_with_hashes() -> None:
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tools = {canonicalize_name(Requirement(line).name) for line in root["dependency-groups"]["dev"]}
    wanted = tools.union({"hatchling"}, *(declared_by(folder) for folder in DISTRIBUTIONS))
    assert {name for name in wanted if not name.startswith("penstock-")} - set(pinned()) == set()
    for name, block in pinned().items():
        assert re.search(r"^[A-Za-z0-9._-]+==\S+", block), name
        assert "--hash=sha256:" in block, name


def test_the_pins_name_no_place_and_none_of_our_own() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert (
        re.findall(r"^.*(?:://|git\+|--index|--extra-index|--find-links|--trusted-host|file:|@ ).*$", text, re.M) == []
    )
    assert [name for name in pinned() if name.startswith("penstock")] == []
