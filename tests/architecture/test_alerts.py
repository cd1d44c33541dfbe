"""Every alert says what it is about, and every kind of alert has a runbook."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.contracts.alert_kinds import AlertKind, runbook_of

ROOT = Path(__file__).parents[2]


def alerts_in_code() -> Iterator[tuple[str, set[str], set[str]]]:
    """Where an alert is made, the fields it is given, and the kinds that are named in it."""
    for path in [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Alert":
                names = {keyword.arg for keyword in node.keywords if keyword.arg}
                kinds = re.findall(r"AlertKind\.(\w+)", ast.unparse(node))
                yield f"{path.relative_to(ROOT)}:{node.lineno}", names, set(kinds)


def test_every_alert_is_given_one_kind_and_its_key() -> None:
    found = list(alerts_in_code())
    assert [where for where, names, kinds in found if not {"kind", "key"} <= names or len(kinds) != 1] == []
    assert len(found) >= 11


def test_every_kind_is_raised_by_some_service() -> None:
    raised = {name for _, _, kinds in alerts_in_code() for name in kinds}
    assert raised == {kind.name for kind in AlertKind}


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_has_a_runbook_that_says_what_to_do(kind: AlertKind) -> None:
    page = runbook_of(kind)
    assert page is not None
    text = (ROOT / page).read_text()
    assert kind in text, "it does not name the kind of alert that leads to it"
    assert "penstock " in text, "it names no command"
