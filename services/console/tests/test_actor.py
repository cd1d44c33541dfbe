"""In whose name the console gives commands."""

from __future__ import annotations

import pytest

from penstock.console.actor import actor


@pytest.mark.parametrize(("user", "name"), [("ann", "ann"), ("DOMAIN\\ann", "operator"), ("ann b", "operator")])
def test_a_user_name_that_the_registry_does_not_take_is_operator(
    monkeypatch: pytest.MonkeyPatch, user: str, name: str
) -> None:
    monkeypatch.setenv("LOGNAME", user)
    assert actor() == name
