"""Every text of a declaration that has a grammar is checked where the file is read, with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.apply_check import first_violation
from penstock.contracts.declaration.cron import PARTS, check_cron
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration
from penstock.contracts.documents.stream_schema import stream_schema
from penstock.contracts.records.streams import StreamDeclared

DECLARED: dict[str, dict[str, Any]] = {
    "stream": {"name": '"loans"', "task": '"binary"'},
    "label": {"name": '"late"', "classes": '["no", "yes"]'},
    "fields": {"x": '{ type = "number" }', "colour": '{ type = "category" }'},
    "objective": {"metric": '"log_loss"'},
}

WRONG: dict[str, tuple[str, str, str] | None] = {
    "stream.name": ("stream", "name", '"Loans"'),
    "stream.entity": ("stream", "entity", '"customer"'),
    "stream.slices[]": ("stream", "slices", '["region"]'),
    "stream.missing[]": None,  # any text may stand for a missing value
    "fields.NAME.categories[]": None,  # any text is a category
    "fields.NAME.missing[]": None,
    "label.name": ("label", "name", '"a\\nb"'),
    "label.classes[]": ("label", "classes", '["", "yes"]'),
    "label.positive": ("label", "positive", '"maybe"'),
    "label.missing[]": None,
    "label.horizon": ("label", "horizon", '"a month"'),
    "time.column": ("time", "column", '"\\t"'),
    "time.zone": ("time", "zone", '"Mars/Olympus"'),
    "time.start": ("time", "start", "2026-01-01T00:00:00"),
    "time.step": ("time", "step", '"1 minuet"'),
    "history.keys[]": ("history", "keys", '["terminal"]'),
    "history.keys[][]": ("history", "keys", '[["colour", "x"]]'),
    "retrain.cron": ("retrain", "cron", '"61 * * * *"'),
    "batch.cron": ("batch", "cron", '"61 * * * *"'),
    "source.NAME.kafka": ("source", "shop", '{ kafka = "a topic" }'),
    "source.NAME.servers": ("source", "shop", '{ kafka = "t", servers = "kafka" }'),
    "source.NAME.schema_registry": ("source", "shop", '{ kafka = "t", schema_registry = "http://me:word@registry" }'),
    "source.NAME.id": ("source", "shop", '{ kafka = "t", id = "" }'),
    "source.NAME.time": ("source", "shop", '{ kafka = "t", time = "a..b" }'),
    "source.NAME.label": ("source", "shop", '{ kafka = "t", label = ".a" }'),
    "source.NAME.label_time": ("source", "shop", '{ kafka = "t", label_time = "a." }'),
    "source.NAME.prediction": ("source", "shop", '{ kafka = "t", prediction = "" }'),
    "source.NAME.probabilities": ("source", "shop", '{ kafka = "t", probabilities = "" }'),
    "source.NAME.modelversion": ("source", "shop", '{ kafka = "t", modelversion = "" }'),
    "source.NAME.event_source": ("source", "shop", '{ kafka = "t", event_source = "" }'),
}
"""Each key that holds texts of its own choice: a table, a key and a value that the grammar refuses."""
WRONG_NAMES = {
    "fields.NAME": ("fields", '"a\\nb"', '{ type = "number" }'),
    "label.prior.NAME": ("label", "prior", "{ maybe = 1 }"),
    "objective.costs.NAME": ("objective", "costs", "{ maybe = { yes = 1 } }"),
    "objective.costs.NAME.NAME": ("objective", "costs", "{ no = { maybe = 1 } }"),
    "lags.inputs.NAME": ("lags", "inputs", "{ y = [1] }"),
    "source.NAME": ("source", "http", '{ kafka = "t" }'),
    "source.NAME.fields.NAME": ("source", "shop", '{ kafka = "t", fields = { y = "y" } }'),
}
"""The same for the keys that are names of the owner's choice."""
UNWRITABLE_NAMES = [("fields", name, '{ type = "number" }') for name in ("'size (\")'", r"'a\b'")]


def text_keys(schema: dict[str, Any], key: str = "") -> Iterator[str]:
    """Every key of the schema that may hold a text which no list of words restricts."""
    for choice in schema.get("anyOf", [schema]):
        if choice.get("type") == "string" and "enum" not in choice:
            yield key
        elif choice.get("type") == "array":
            yield from text_keys(choice["items"], f"{key}[]")
        for name, part in choice.get("properties", {}).items():
            yield from text_keys(part, f"{key}.{name}".lstrip("."))
        for part in choice.get("patternProperties", {}).values():
            yield from text_keys(part, f"{key}.NAME")


def name_keys(schema: dict[str, Any], key: str = "") -> Iterator[str]:
    """Every table of the schema whose keys are names of the owner's choice."""
    for choice in schema.get("anyOf", [schema]):
        if "patternProperties" in choice or isinstance(choice.get("additionalProperties"), dict):
            yield f"{key}.NAME"
        for part in (*choice.get("patternProperties", {}).values(), choice.get("additionalProperties")):
            yield from name_keys(part, f"{key}.NAME") if isinstance(part, dict) else ()
        for name, part in choice.get("properties", {}).items():
            yield from name_keys(part, f"{key}.{name}".lstrip("."))


def test_every_text_of_a_declaration_is_classified() -> None:
    assert set(text_keys(stream_schema())) == set(WRONG)
    assert set(name_keys(stream_schema())) == set(WRONG_NAMES)


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [wrong for wrong in (*WRONG.values(), *WRONG_NAMES.values(), *UNWRITABLE_NAMES) if wrong is not None],
)
def test_a_wrong_text_is_refused_with_its_line(table: str, key: str, value: str) -> None:
    declared = {name: dict(keys) for name, keys in DECLARED.items()}
    declared.setdefault(table, {})[key] = value
    lines: list[str] = []
    for name, keys in declared.items():
        lines += [f"[{name}]", *(f"{each} = {content}" for each, content in keys.items())]
    expected = lines.index(f"{key} = {value}") + 1
    with pytest.raises(DeclarationError, match=rf"^stream\.toml:{expected}: {table if table != 'stream' else key}"):
        parse_declaration("\n".join(lines))


@pytest.mark.parametrize(
    ("cron", "part"),
    [
        ("61 * * * *", "'61' is no minute"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 0 0 * *", "'0' is no day of the month"),
        ("0 0 * 13 *", "'13' is no month"),
        ("0 0 * * sun#6", "'sun#6' is no day of the week"),
        ("0 0 * * * 60", "'60' is no second"),
        ("0 0 * * * 0 1914", "'1914' is no year"),
        ("0 3 * *", "has 5 parts"),
        ("every day", "has 5 parts"),
        ("", "has 5 parts"),
        ("0 0 30 2 *", "never comes"),
        ("R * * * *", "'R' stands for a random time"),
        ("H H * * *", "'H' is no minute"),
    ],
)
def test_a_wrong_cron_names_its_wrong_part(cron: str, part: str) -> None:
    violation = check_cron(cron)
    assert violation is not None
    assert part in violation


@pytest.mark.parametrize(
    "cron", ["0 3 * * mon", "*/5 * * * *", "0 0 l * *", "@daily", "0 0 29 2 *", "0,30 8-18 * * 1-5"]
)
def test_a_cron_that_fires_is_accepted(cron: str) -> None:
    assert check_cron(cron) is None


@given(st.text(max_size=20) | st.lists(st.from_regex(r"[0-9*/,LlR#-]{1,4}", fullmatch=True), max_size=8).map(" ".join))
def test_any_text_is_a_cron_or_is_refused_in_one_line(cron: str) -> None:
    violation = check_cron(cron)
    assert violation is None or (violation and len(violation.splitlines()) == 1)


def test_the_parts_of_a_cron_are_tried_alone() -> None:
    assert len(PARTS) == 7
    assert re.match("'99' is no hour", check_cron("0 99 99 * *") or "")


def test_what_an_earlier_release_let_through_stays_readable_on_the_log() -> None:
    whole = {
        "name": "loans",
        "task": "binary",
        "fields": {"x": {"type": "number"}},
        "label": {"name": "late", "classes": ["", "yes"], "horizon": "P999999999D", "prior": {"maybe": 1}},
        "time": {"column": "", "start": "2026-01-01T00:00:00"},
        "retrain": {"cron": "at night"},
    }
    declaration = Declaration.model_validate(whole)
    assert first_violation(declaration) is not None
    record = StreamDeclared(
        source="t", id="d", time=datetime(2026, 1, 1, tzinfo=UTC), version=1, declaration=declaration
    )
    assert StreamDeclared.from_json(record.to_json()) == record


@pytest.mark.parametrize(
    ("table", "key", "value", "expected"),
    [
        ("stream", "partitions", '"4"', "must be a whole number, not '4'"),
        ("stream", "ordered", '"no"', "must be true or false, not 'no'"),
        ("label", "horizon", "true", "must be a duration, such as P30D"),
        ("label", "prior", '"x"', "label.prior: must be a table or a number, not 'x'"),
        ("time", "start", '"yesterday"', "must be a time, such as 2026-01-31T00:00:00Z"),
        ("time", "start", "0001-01-01T00:00:00Z", "must be a time from 1900 to 2199"),
        ("retrain", "cooldwn", "5", "retrain.cooldwn: no such key; did you mean cooldown?"),
        ("drift", "cooldown", "5", "drift.cooldown: no such key; did you mean retrain.cooldown?"),
        ("model", "seed", "5", "model: no such key; did you mean models?"),
        ("fields", "y", '{ type = "number", mim = 0 }', "fields.y.mim: no such key; did you mean min?"),
        ("fields", "type", '{ type = "os" }', "fields.type.type: must be 'number'"),
    ],
)
def test_an_error_says_what_to_write_instead(table: str, key: str, value: str, expected: str) -> None:
    declared = {name: dict(keys) for name, keys in DECLARED.items()}
    declared.setdefault(table, {})[key] = value
    text = "\n".join(
        f"[{name}]\n" + "\n".join(f"{each} = {content}" for each, content in keys.items())
        for name, keys in declared.items()
    )
    with pytest.raises(DeclarationError) as caught:
        parse_declaration(text)
    assert expected in str(caught.value)


def test_the_line_is_that_of_the_key_and_not_of_another_one_of_its_name() -> None:
    text = '[stream]\nname = "s"\ntask = "regression"\n[label]\nname = "y"\n[fields.a]\ntype = "category"\n'
    text += 'categories = [\n  "min = 1",\n]\n# min = 2\n[fields.min]\ntype = "number"\nmin = "low"\n'
    with pytest.raises(DeclarationError, match=r"^stream\.toml:14: fields\.min\.min: must be a number"):
        parse_declaration(text)
