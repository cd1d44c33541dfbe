"""What a new declaration may change."""

from __future__ import annotations

import pytest

from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.registry.declaration_changes import first_incompatibility

LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"

[label]
name = "deconflicted"
classes = ["no", "yes"]

[fields]
customer = { type = "category", feature = false }
amount = { type = "number", min = 0 }
"""
OLD = parse_declaration(LOANS)


@pytest.mark.parametrize(
    ("text", "replacement", "field"),
    [
        ('task = "binary"', 'task = "multiclass"', "task"),
        ('entity = "customer"', "ordered = false", "entity"),
        ('entity = "customer"', 'entity = "customer"\npartitions = 8', "partitions"),
        ('name = "deconflicted"', 'name = "late"', "label.name"),
        ('["no", "yes"]', '["no", "maybe"]', "label.classes"),
        ('amount = { type = "number", min = 0 }', 'age = { type = "number" }', "fields.amount"),
        ('amount = { type = "number", min = 0 }', 'amount = { type = "category" }', "fields.amount.type"),
        ("min = 0 }", 'min = 0 }\nage = { type = "number", missing = "refuse" }', "fields.age.missing"),
    ],
)
def test_a_change_that_makes_the_log_unreadable_is_refused(text: str, replacement: str, field: str) -> None:
    conflict = first_incompatibility(OLD, parse_declaration(LOANS.replace(text, replacement, 1)))
    assert conflict is not None
    assert conflict.field == field
    assert ";" in conflict.detail  # and what to do


@pytest.mark.parametrize(
    ("text", "replacement"),
    [
        ("min = 0 }", 'min = 0 }\nage = { type = "number" }'),
        ("min = 0 }", 'min = 5, max = 9, outside = "refuse" }'),
        ('entity = "customer"', 'entity = "customer"\npartitions = 4'),
        ('classes = ["no", "yes"]', 'classes = ["no", "yes"]\nprior = { no = 1 }'),
    ],
)
def test_a_change_that_keeps_the_log_readable_is_allowed(text: str, replacement: str) -> None:
    assert first_incompatibility(OLD, parse_declaration(LOANS.replace(text, replacement, 1))) is None


@pytest.mark.parametrize("classes", ['["no", "yes", "maybe"]', '["maybe", "yes", "no"]'])
def test_a_multiclass_label_may_gain_classes(classes: str) -> None:
    old = parse_declaration(LOANS.replace("binary", "multiclass"))
    wider = LOANS.replace("binary", "multiclass").replace('["no", "yes"]', classes)
    assert first_incompatibility(old, parse_declaration(wider)) is None
