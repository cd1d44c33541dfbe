"""The client's notebook, cell by cell, before a real deployment, which it finds by the registry's address alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Site

NOTEBOOK = Path(__file__).parents[2] / "examples" / "client.ipynb"


def test_the_notebook_runs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_URL", site.record.url("registry"))
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    answers, report = names["answers"], names["report"]
    assert [(refusal.id, refusal.code, refusal.field) for refusal in answers.refused] == [
        ("notebook-0", "out_of_range", "amount")
    ]
    assert (len(answers), report.matured.labelled + report.provisional.labelled) == (600, 499)
    assert {group.values for group in report.groups} == {("car",), ("house",), ("study",)}
