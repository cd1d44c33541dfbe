"""Every distribution has the same shape, so that who knows one knows all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
SERVICES = [path for path in DISTRIBUTIONS if path.parent.name == "services"]
THE_NINE = {
    "ingestion",
    "validator",
    "server",
    "drift-detector",
    "retrain-trigger",
    "trainer",
    "registry",
    "notifier",
    "archiver",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "misc", "tools", "shared"}
LONGEST_FILE = 400  # lines


def named(folder: Path) -> str:
    return folder.name


def sources() -> list[Path]:
    folders = [ROOT / name for name in ("libs", "services", "tests", "bench", "examples", "deploy")]
    return [path for folder in folders for path in folder.rglob("*.py") if "__pycache__" not in path.parts]


def package_of(folder: Path) -> Path:
    return folder / "src/penstock" / folder.name.replace("-", "_")


def test_the_house_holds_what_the_design_names() -> None:
    assert {folder.name for folder in SERVICES} == THE_NINE | {"console"}
    libraries = {folder.name for folder in DISTRIBUTIONS if folder.parent.name == "libs"}
    assert libraries == {"contracts", "ml", "bus", "telemetry", "artifacts", "runtime", "client"}


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=named)
def test_a_distribution_has_a_readme_a_typed_package_and_tests(folder: Path) -> None:
    assert len((folder / "README.md").read_text().splitlines()) > 3, "its README says nothing yet"
    assert (package_of(folder) / "__init__.py").is_file()
    assert (package_of(folder) / "py.typed").is_file()
    assert [path.name for path in (folder / "src/penstock").iterdir()] == [package_of(folder).name]
    assert list((folder / "tests").rglob("test_*.py")), "it has no tests"


@pytest.mark.parametrize("folder", [s for s in SERVICES if s.name in THE_NINE], ids=named)
def test_a_service_has_its_entrance_settings_wiring_and_handlers(folder: Path) -> None:
    package = package_of(folder)
    absent = [name for name in ("__main__.py", "settings.py", "wiring.py") if not (package / name).is_file()]
    assert not absent
    assert (package / "handlers.py").is_file() or (package / "web").is_dir()
    assert len((package / "wiring.py").read_text().splitlines()) <= 120, "wiring is a table of contents, one screen"


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=named)
def test_a_pyproject_is_like_the_others(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["name"] == f"penstock-{folder.name}"
    assert project["project"]["requires-python"] == root["project"]["requires-python"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"] == {**root["tool"]["hatch"]["version"], "path": "../../VERSION"}
    assert {project["project"]["name"]} <= {Requirement(line).name for line in root["project"]["dependencies"]}
    assert project["project"]["readme"] == "README.md"
    assert project["build-system"] == {"requires": ["hatchling"], "build-backend": "hatchling.build"}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["src/penstock"]
    assert root["tool"]["uv"]["sources"][f"penstock-{folder.name}"] == {"workspace": True}


def test_no_file_hides_the_other_distributions() -> None:
    assert list(ROOT.glob("*/*/src/penstock/__init__.py")) == []


def test_files_are_named_by_their_subject() -> None:
    assert [str(path) for path in sources() if {path.stem, *path.relative_to(ROOT).parts} & VAGUE] == []


def test_no_file_is_too_long_to_be_read() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    assert {path: lines for path, lines in long.items() if lines > LONGEST_FILE} == {}


def test_what_make_is_told_to_do_it_can_do() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [path for path in ROOT.rglob("*.md") if not {".venv", ".git", "node_modules"} & set(path.parts)]
    assert ROOT / "README.md" in pages
    told = {(path, target) for path in pages for target in re.findall(r"`make ([a-z-]+)", path.read_text())}
    assert [f"{path}: make {target}" for path, target in told if target not in targets] == []
