"""A version is new on a data folder until it has worked there, and again after another has."""

from __future__ import annotations

from pathlib import Path

from penstock.runtime.version_history import VersionHistory


def test_a_version_is_new_until_it_has_worked_and_again_after_another_has(tmp_path: Path) -> None:
    history = VersionHistory(tmp_path / "data")
    assert history.is_new()
    history.record()
    assert not VersionHistory(tmp_path / "data").is_new()
    (tmp_path / "data" / "version").write_text("0.0.1")
    assert history.is_new()
