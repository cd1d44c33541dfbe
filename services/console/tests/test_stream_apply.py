"""`penstock stream apply`: what a change means in one line, and where in the file what was refused is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from penstock.console.views.declaration_line import declaration_line
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration

from .command_process import penstock
from .conftest import ANSWERS, FakeDeployment

LOANS = """\
[stream]
name = "loans"
task = "multiclass"

[label]
name = "late"
classes = ["no", "yes"]

[fields]
x = { type = "number" }
"""

REGISTRY = ANSWERS.replace(
    "    def do_GET(self):\n        self.send_response(200); self.end_headers()",
    """
    def answer(self, status, document):
        self.send_response(status); self.end_headers(); self.wfile.write(document.encode())
    def do_GET(self):
        declared = self.path.startswith("/v1/")
        self.answer(404 if declared else 200, '{"code": "unknown_stream", "detail": "none"}' if declared else "{}")
    def do_PUT(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(*ANSWER)
""",
)
CONFLICT = {
    "code": "incompatible_declaration",
    "detail": "label.classes: the class maybe cannot be removed; keep it",
    "field": "label.classes",
}


def registry_that_answers(status: int, document: dict[str, Any]) -> str:
    return f"ANSWER = ({status}, {json.dumps(json.dumps(document))})\n{REGISTRY}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stream.toml"
    path.write_text(LOANS)
    return path


def test_what_the_registry_refuses_is_named_with_file_and_line(deployment: FakeDeployment, file: Path) -> None:
    deployment.start_ready(registry=registry_that_answers(409, CONFLICT), ingestion=ANSWERS)
    done = penstock(deployment.home, "stream", "apply", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{file}:7: {CONFLICT['detail']}\n"


def test_a_new_stream_is_said_to_begin_with_its_baseline(deployment: FakeDeployment, file: Path) -> None:
    deployment.start_ready(registry=registry_that_answers(201, {"status": "created"}), ingestion=ANSWERS)
    done = penstock(deployment.home, "stream", "apply", str(file))
    expected = "loans: created; the baseline answers until a model is trained, after 500 outcomes\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def changed(**parts: Any) -> Declaration:
    whole = parse_declaration(LOANS).model_dump()
    for name, part in parts.items():
        whole[name] = {**whole[name], **part} if isinstance(part, dict) else part
    return Declaration.model_validate(whole)


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({}, "unchanged"),
        ({"label": {"classes": ("yes", "no")}}, "unchanged"),
        (
            {"retrain": {"cron": "0 3 * * *", "settle": 300}},
            "changed retrain.settle, retrain.cron; models stay as they are",
        ),
        (
            {"fields": {"age": {"type": "number"}}, "retrain": {"settle": 300}},
            "changed fields.age, retrain.settle; a model is trained for it, 300 outcomes from now at the earliest",
        ),
        (
            {"label": {"classes": ("maybe", "no", "yes")}, "retrain": {"on": ("drift",)}},
            "changed label.classes, retrain.on; models learn something else only from the next training on: "
            "retrain.on lacks declaration",
        ),
        (
            {"fields": {f"f{number}": {"type": "number"} for number in range(7)}, "serving": {"model": "external"}},
            "changed fields.f0, fields.f1, fields.f2, fields.f3, fields.f4 and 3 more; models stay as they are",
        ),
    ],
)
def test_a_change_says_what_it_changes_and_whether_a_model_is_trained_for_it(parts: dict[str, Any], line: str) -> None:
    assert declaration_line(parse_declaration(LOANS), changed(**parts)) == f"loans: {line}"


def test_the_schema_is_printed_without_a_deployment(deployment: FakeDeployment) -> None:
    done = penstock(deployment.home, "stream", "schema")
    assert (done.returncode, done.stderr) == (0, "")
    Draft7Validator.check_schema(json.loads(done.stdout))
