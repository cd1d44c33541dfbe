"""Options of the commands that repair: which records, and what is changed, from words to the contracts' models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from penstock.console.failure import wrong_input
from penstock.contracts.records.repairs import Rule, Selection

M = TypeVar("M", bound=BaseModel)

Stream = Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")]
Places = Annotated[
    list[str] | None, typer.Argument(metavar="[AT]...", help="Records as PARTITION:OFFSET, as `list` names them.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="KEY=VALUE", help="Only those: code, field, kind, id, topic, since or until (a time)."
    ),
]
Rename = Annotated[list[str] | None, typer.Option("--rename", metavar="OLD=NEW", help="Rename a field of the data.")]
CastTo = Annotated[
    list[str] | None, typer.Option("--cast", metavar="FIELD=KIND", help="To number, integer, boolean or text.")
]
SetTo = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of the data.")]
Remove = Annotated[list[str] | None, typer.Option("--remove", metavar="FIELD", help="Remove a field of the data.")]
Attribute = Annotated[
    list[str] | None,
    typer.Option("--attribute", metavar="NAME=VALUE", help="Set time, source or id of the record; empty: remove it."),
]
File = Annotated[
    Path | None, typer.Option("--file", exists=True, dir_okay=False, help="The whole record, instead of an editor.")
]

_OPTIONS = {"at": "AT", "text": "the record", "attributes": "--attribute"}
_KEYS = ("code", "field", "kind", "id", "topic", "since", "until")


def selection(places: Sequence[str] | None, where: Sequence[str] | None) -> Selection:
    """The records at these places for which all of this is so.

    Raises:
        ConsoleFailure: a word is wrong.
    """
    pairs = dict(_pairs("--where", where))
    for key in pairs:
        if key not in _KEYS:
            raise wrong_input(f"--where {key}=...: expected one of {', '.join(_KEYS)}")
    return _model(Selection, {"at": tuple(places or ()), **pairs})


def rule(
    where: Selection,
    rename: Sequence[str] | None,
    cast: Sequence[str] | None,
    set_to: Sequence[str] | None,
    remove: Sequence[str] | None,
    attributes: Sequence[str] | None,
) -> Rule:
    """The rule that these options stand for.

    Raises:
        ConsoleFailure: a word is wrong.
    """
    fields = {
        "where": where,
        "rename": dict(_pairs("--rename", rename)),
        "cast": dict(_pairs("--cast", cast)),
        "set": {name: _scalar(value) for name, value in _pairs("--set", set_to)},
        "remove": tuple(remove or ()),
        "attributes": {name: value or None for name, value in _pairs("--attribute", attributes)},
    }
    return _model(Rule, fields)


def text_rule(where: Selection, text: str) -> Rule:
    """The rule that writes one record anew.

    Raises:
        ConsoleFailure: the text is too long.
    """
    return _model(Rule, {"where": where, "text": text})


def _model(model: type[M], fields: dict[str, Any]) -> M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        if name == "at" and first["type"] == "string_pattern_mismatch":
            raise wrong_input(f"{first['input']!r}: expected a record as PARTITION:OFFSET, such as 0:17") from error
        option = _OPTIONS.get(name, f"--where {name}" if name in _KEYS else f"--{name}")
        raise wrong_input(f"{option}: {first['msg']}") from error


def _pairs(option: str, words: Sequence[str] | None) -> Iterable[tuple[str, str]]:
    for word in words or ():
        name, separator, value = word.partition("=")
        if not name or not separator:
            raise wrong_input(f"{option} {word}: expected NAME=VALUE")
        yield name, value


def _scalar(text: str) -> Any:
    """The JSON value that the text is, if it is a number, true, false, null or in quotes; else the text.

    >>> [_scalar(text) for text in ("12.50", "true", "car", '"12"', "[1]")]
    [12.5, True, 'car', '12', '[1]']
    """
    parse: Callable[[str], Any] = json.loads
    try:
        value = parse(text)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value
