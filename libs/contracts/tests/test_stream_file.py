"""`stream.toml`: an error is one line, with file, line or field, and what was expected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import (
    DeclarationError,
    parse_declaration,
    read_declaration,
    write_declaration,
)

GOOD = """\
[stream]
name = "loans"
task = "binary"
entity = "customer"

[label]
name = "defaulted"
classes = ["no", "yes"]

[fields]
customer = { type = "category" }
amount = { type = "number", min = 0, max = 1e6 }
"""


def error_of(text: str) -> str:
    with pytest.raises(DeclarationError) as caught:
        parse_declaration(text)
    message = str(caught.value)
    assert message.startswith("stream.toml")
    assert len(message.splitlines()) == 1
    return message


def replaced(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_file_is_read_with_its_defaults() -> None:
    declaration = parse_declaration(GOOD)
    assert declaration.partition_count == 4
    assert list(declaration.features) == ["customer", "amount"]
    assert declaration.fields["amount"].max == 1e6


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path, mark: str, line_end: str) -> None:
    path = tmp_path / "stream.toml"
    path.write_bytes((mark + GOOD.replace("\n", line_end)).encode())
    assert read_declaration(path) == parse_declaration(GOOD)


@pytest.mark.parametrize(
    ("old", "new", "line", "message_part"),
    [
        ('task = "binary"', 'task = "binary', 3, "not valid TOML"),
        ("[label]", "[stream]", 6, "declare ('stream',) twice"),
        ('task = "binary"', 'task = "binary"\ntask = "binary"', 4, "overwrite"),
        ('"loans"', '"lo\\nans"', 2, "name: must be 1 to 63 lower-case letters"),
        ('"loans"', '"$(reboot)"', 2, "name: must be 1 to 63 lower-case letters"),
        ('"loans"', '"../loans"', 2, "name: must be 1 to 63 lower-case letters"),
        ('"loans"', "7", 2, "name: must be a text"),
        ('"binary"', '"guess"', 3, "'binary', 'multiclass' or 'regression'"),
        ('"number"', '"os.system"', 12, "'number', 'integer', 'boolean' or 'category'"),
        ("min = 0", "min = nan", 12, "finite number"),
        ("min = 0", "min = 2e6", 12, "min 2e+06 is above max 1e+06"),
        ("min = 0", "minimum = 0", 12, "fields.amount.minimum"),
        ('["no", "yes"]', '["no", "no"]', 8, "'no' is listed twice"),
        (
            '["no", "yes"]',
            '["no", "yes"]\nprior = { no = -1 }',
            9,
            "label.prior.no: must be greater than or equal to 0",
        ),
        ('["no", "yes"]', '["no", "yes"]\nhorizon = "P0D"', 9, "horizon: must be longer than zero, such as P30D"),
        (
            "[fields]",
            '[models]\nfamilies = ["os.system"]\n[fields]',
            11,
            "'linear', 'boosting', 'forest' or 'additive'",
        ),
        ("[fields]", "[models]\nfamilies = []\n[fields]", 11, "at least 1 item"),
        ("[fields]", '[models]\nfamilies = ["linear", "linear"]\n[fields]', 11, "'linear' is listed twice"),
        ("[fields]", "[models]\nseed = -1\n[fields]", 11, "greater than or equal to 0"),
        ("[fields]", '[history]\nkeys = ["amount"]\n[fields]', 11, "'amount' is a number; a key is a category"),
        ("[fields]", '[history]\nkeys = [["customer", "shop"]]\n[fields]', 11, "'shop' is not among the fields"),
        ("[fields]", '[history]\nkeys = ["customer", "customer"]\n[fields]', 11, "'customer' is listed twice"),
        ("[fields]", '[history]\nkeys = [["customer"]]\n[fields]', 11, "at least 2 items"),
        ("[fields]", "[retrain]\ngrowth = 0\n[fields]", 11, "greater than 1"),
        ("[fields]", "[retrain]\ngrowth = nan\n[fields]", 11, "finite number"),
        ("[fields]", "[gates]\nmargin = -0.1\n[fields]", 11, "greater than or equal to 0"),
        ("[fields]", "[retention]\ndays = 0\n[fields]", 11, "greater than 0"),
        ("[fields]", '[drift]\ndetectors = ["oracle"]\n[fields]', 11, "'adwin'"),
        ("[fields]", '[time]\nzone = "Mars/Olympus"\n[fields]', 11, "is no time zone"),
        ("[fields]", '[time]\nzone = "../../etc/passwd"\n[fields]', 11, "is no time zone"),
    ],
)
def test_an_error_names_the_line_and_what_was_expected(old: str, new: str, line: int, message_part: str) -> None:
    message = error_of(replaced(old, new))
    assert message.startswith(f"stream.toml:{line}: ")
    assert message_part in message


@pytest.mark.parametrize(
    ("text", "message_part"),
    [
        ("", "expected a [stream] table"),
        ('stream = "loans"', "expected a [stream] table"),
        (GOOD[: GOOD.index("[fields]")], "fields: is missing"),
        (GOOD[: GOOD.index("customer =")] + "[fields.none]", "fields.none.type: is missing"),
        (GOOD[: GOOD.index("customer =")], "at least one field"),
        (replaced('entity = "customer"', 'entity = "client"'), "'client' is not among the fields"),
        (replaced('name = "defaulted"', 'name = "amount"'), "would reveal it"),
        (replaced('["no", "yes"]', '["no"]'), "two classes, label.classes names 1"),
        (replaced('["no", "yes"]', '["no", "yes"]\nprior = 0.5'), "a weight per class"),
        (replaced('entity = "customer"', "partitions = 8"), "one partition"),
        (
            GOOD.replace('" }', '", feature = false }').replace("1e6 }", "1e6, feature = false }"),
            "no field is a feature",
        ),
    ],
)
def test_an_error_about_the_whole_names_the_field(text: str, message_part: str) -> None:
    assert message_part in error_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{a=" * 40_000,
        ".".join("a" * 40_000) + " = 1",
        " . ".join(['"a"'] * 20_000) + " = 1",
        GOOD + "".join(f'f{n} = {{ type = "number" }}\n' for n in range(1_000_000)),
    ],
    ids=["arrays", "tables", "dots", "quoted dots", "a million fields"],
)
def test_a_file_made_to_exhaust_the_parser_is_refused_at_once(text: str) -> None:
    error_of(text)


def test_a_key_that_holds_a_line_break_stays_on_one_line() -> None:
    assert "\n" not in error_of(GOOD + '"a\\nb" = { type = "number" }\n')
    assert "\n" not in error_of(GOOD + '"a" = { type = "number" }\n"a" = "\\n\\u001b[31m"')


def reading_error(path: Path) -> str:
    with pytest.raises(DeclarationError) as caught:
        read_declaration(path)
    assert len(str(caught.value).splitlines()) == 1
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        assert "no regular file" in reading_error(path)
    assert "No such file" in reading_error(tmp_path / "absent.toml")


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    huge = tmp_path / "huge.toml"
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    assert "at most 150 kB" in reading_error(huge)


def test_a_link_is_followed_and_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text(GOOD)
    (tmp_path / "link.toml").symlink_to(real)
    assert read_declaration(tmp_path / "link.toml").name == "loans"
    real.write_bytes(GOOD.encode().replace(b"loans", b"lo\xffans"))
    assert ":2: expected UTF-8 text" in reading_error(tmp_path / "link.toml")


field_name = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*(chr(c) for c in (*range(32), 127)), *'"\\']),
    min_size=1,
).filter(lambda name: len(name) <= 200)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def number(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted((draw(finite), draw(finite)))
    return {"type": draw(st.sampled_from(["number", "integer"])), "min": low, "max": high}


category = st.fixed_dictionaries(
    {"type": st.just("category"), "categories": st.lists(words, unique=True, max_size=4)},
    optional={"missing": st.sampled_from(["accept", "refuse"]), "outside": st.sampled_from(["flag", "refuse"])},
)
documents = st.fixed_dictionaries(
    {
        "stream": st.fixed_dictionaries(
            {"name": st.from_regex(r"\A[a-z][a-z0-9-]{0,62}\Z"), "task": st.just("multiclass")},
            optional={"ordered": st.booleans(), "extra": st.sampled_from(["keep", "refuse"])},
        ),
        "label": st.fixed_dictionaries(
            {"name": st.just("\N{LEFT-POINTING MAGNIFYING GLASS}"), "new_classes": st.just("accept")},
            optional={
                "classes": st.lists(words.filter(bool), unique=True, max_size=4),
                "prior": st.dictionaries(words, st.floats(0, 1e300), max_size=4),
            },
        ),
        "fields": st.dictionaries(field_name, number() | category, min_size=1, max_size=5),
    }
).filter(lambda document: document["label"]["name"] not in document["fields"])


@given(documents)
def test_a_declaration_that_was_written_is_read_back(document: dict[str, Any]) -> None:
    expected = Declaration.model_validate(
        {**document["stream"], "label": document["label"], "fields": document["fields"]}
    )
    assert parse_declaration(write_declaration(document)) == expected
