"""The schema and the reference of `stream.toml`: every key is described, and the schema takes what a file may say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration
from penstock.contracts.documents.stream_page import stream_page
from penstock.contracts.documents.stream_schema import stream_schema

ROOT = Path(__file__).parents[3]
EVERY_KEY = ROOT / "libs/contracts/examples/stream.toml"
DECLARATIONS = [
    EVERY_KEY,
    *sorted((ROOT / "examples").glob("*/stream.toml")),
    ROOT / "services/console/src/penstock/console/local/credit-risk.toml",
]
SCHEMA = stream_schema()
GOOD = EVERY_KEY.read_text()


def is_taken(text: str) -> bool:
    return Draft7Validator(SCHEMA).is_valid(as_json(tomllib.loads(text)))


def as_json(value: Any) -> Any:
    """TOML's values as editors give them to a validator: times are texts."""
    match value:
        case dict():
            return {name: as_json(part) for name, part in value.items()}
        case list():
            return [as_json(part) for part in value]
        case datetime():
            return value.isoformat()
        case _:
            return value


def keys_of(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        yield f"{path}{name}", part
        yield from keys_of(part, f"{path}{name}.")
    for part in schema.get("patternProperties", {}).values():
        yield from keys_of(part, f"{path}NAME.")


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert "$ref" not in str(SCHEMA)


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.parent.name)
def test_it_takes_the_declarations_that_we_ship(path: Path) -> None:
    assert is_taken(path.read_text())
    parse_declaration(path.read_text())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "credit-risk"', 'name = "Credit Risk"'),
        ('task = "binary"', ""),
        ('task = "binary"', 'task = "guess"'),
        ("[label]", "[labels]"),
        ("ordered = true", 'ordered = "yes"'),
        ("partitions = 8", "partitions = 0"),
        ("partitions = 8", "partitions = 1.5"),
        ('type = "integer"', 'type = "int"'),
        ("min = 0", "minimum = 0"),
        ('zone = "Europe/Paris"', "zone = 1"),
        ('step = "PT1H"', "step = 60"),
        ("label = [1, 2, 7]", "label = [0]"),
        ("inputs = { amount = [5, 20] }", "inputs = { amount = [] }"),
        ('families = ["linear", "boosting", "additive"]', "families = []"),
        ('families = ["linear", "boosting", "additive"]', 'families = ["svm"]'),
        ("trials = 20", "trials = 1000"),
        ("fresh = 0.2", "fresh = 1"),
        ("growth = 3", 'growth = "3"'),
        ("steps = [0.05, 0.2, 0.5]", "steps = [110]"),
        ("prior = { no = 9, yes = 1 }", 'prior = { no = "9" }'),
        ("days = 30", "days = 0"),
        ("[serving]", "[serving]\nhtpp = 1"),
        ("[retention]", "[retaining]"),
        ('format = "debezium"', 'format = "avro"'),
        ("[source.orders]", "[source.Orders]"),
        ('kafka = "shop.public.orders"', ""),
    ],
)
def test_what_it_refuses_a_file_may_not_say(old: str, new: str) -> None:
    assert old in GOOD
    wrong = GOOD.replace(old, new, 1)
    assert not is_taken(wrong)
    with pytest.raises(DeclarationError):
        parse_declaration(wrong)


def test_every_key_is_described_and_stands_in_the_example() -> None:
    described = dict(keys_of(SCHEMA))
    assert [key for key, part in described.items() if not part.get("description")] == []
    document = tomllib.loads(GOOD)
    written = {key for key, _ in keys_of({"properties": as_properties(document)})}
    named = {
        f"{table}.NAME.{key}" for table in ("fields", "source") for part in document[table].values() for key in part
    }
    assert set(described) - written - named == set()


def as_properties(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"properties": as_properties(part)} if isinstance(part, dict) else {} for name, part in document.items()
    }


def test_the_page_has_every_key_in_its_table() -> None:
    page = stream_page(SCHEMA, GOOD)
    for key, part in keys_of(SCHEMA):
        table, _, name = key.rpartition(".")
        if "properties" in part or "patternProperties" in part:
            assert f"## [{key}]" in page
            continue
        section = page.split(f"## [{table.removesuffix('.NAME')}]\n")[1].split("\n## ")[0]
        shown = f"NAME.{name}" if table.endswith("NAME") else name
        assert f"| `{shown}` | " in section
        assert part["description"].split("\n")[0][:60] in section
