"""The folder of a deployment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, home_from_environment, prepare
from penstock.console.plan.keys import ensure_keys


def test_prepared_twice_is_prepared_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    prepare(home)
    before = sorted(home.root.rglob("*"))
    prepare(home)
    assert sorted(home.root.rglob("*")) == before


@pytest.mark.parametrize("written", ["2\n", "", "1.0", "\x00\xff"])
def test_another_format_is_refused_and_left_alone(tmp_path: Path, written: str) -> None:
    home = Home(tmp_path)
    (home.root / "format").write_text(written)
    with pytest.raises(ConsoleFailure, match="reads format 1") as refused:
        prepare(home)
    assert refused.value.status == 2
    assert [path.name for path in tmp_path.iterdir()] == ["format"]


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(ConsoleFailure, match="cannot be written"):
        prepare(Home(tmp_path / "home"))


@pytest.mark.parametrize("name", ["what?", "a\nb", "a\udcff"])
def test_a_home_whose_path_the_services_cannot_read_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConsoleFailure, match="not allowed") as refused:
        prepare(Home(tmp_path / name))
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_home_is_set_or_lies_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PENSTOCK_HOME", raising=False)
    assert home_from_environment().root == tmp_path / ".penstock"
    monkeypatch.setenv("PENSTOCK_HOME", "elsewhere")
    assert home_from_environment().root == tmp_path / "elsewhere"


def test_keys_are_made_once_for_their_owner_alone(home: Home) -> None:
    ensure_keys(home)
    made = {path: path.read_bytes() for path in home.keys.iterdir()}
    assert set(made) == {home.signing_key, home.trusted_keys, home.answer_key}
    assert all(os.stat(path).st_mode & 0o077 == 0 for path in (home.keys, home.signing_key, home.answer_key))
    ensure_keys(home)
    assert {path: path.read_bytes() for path in home.keys.iterdir()} == made


def test_a_pair_that_was_half_made_is_made_anew(home: Home) -> None:
    home.signing_key.write_text("half")
    ensure_keys(home)
    assert home.trusted_keys.exists()
    assert home.signing_key.read_text() != "half"
