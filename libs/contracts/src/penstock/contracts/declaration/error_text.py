"""What pydantic finds wrong in a declaration, as a violation in the words of `stream.toml`."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from penstock.contracts.declaration.stream import NAME_PATTERN, Declaration, FieldDeclaration
from penstock.contracts.declaration.strict_model import DURATION_EXAMPLES
from penstock.contracts.declaration.value_grammar import COLUMN_EXPECTED, TIME_EXAMPLE
from penstock.contracts.declaration.violation import KeyPath, Violation

NAME_EXPECTED = "must be 1 to 63 lower-case letters, digits and dashes, beginning with a letter, such as loans-2"
ANY_FIELD = "NAME"  # stands for the name of a field
LONGEST_SHOWN = 60  # characters of a wrong value

_WORDS = {
    "missing": "is missing",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "tuple_type": "must be a list",
    "string_type": "must be a text",
    "time_delta_type": f"must be a duration, {DURATION_EXAMPLES}",
    "time_delta_parsing": f"must be a duration, {DURATION_EXAMPLES}",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "datetime_type": f"must be a time, {TIME_EXAMPLE}",
    "datetime_parsing": f"must be a time, {TIME_EXAMPLE}",
    "datetime_from_date_parsing": f"must be a time, {TIME_EXAMPLE}",
}
_SUBJECTS = ("Input should ", "List should ", "Tuple should ", "String should ", "Dictionary should ")
_SHOWN = {"literal_error", "int_type", "float_type", "bool_type", "time_delta_parsing", "datetime_from_date_parsing"}


def first_error(error: ValidationError, document: dict[str, Any]) -> Violation:
    """The first error in a document; where a value may be of several kinds, what was expected of each."""
    errors = error.errors(include_url=False)
    path, is_kind = _place(errors[0], document)
    texts = [_text(each, path) for each in errors if is_kind and _place(each, document) == (path, True)]
    return Violation(path, " or ".join(texts or [_text(errors[0], path)]).replace(" or must be ", " or "))


def _place(error: ErrorDetails, document: dict[str, Any]) -> tuple[KeyPath, bool]:
    """The keys that lead to the error, and whether it is about one of several kinds that the value may be of.

    Pydantic adds these kinds, and indices of lists; neither are keys.
    """
    path: list[str] = []
    tree: Any = document
    is_kind = False
    for part in map(str, error["loc"]):
        if isinstance(tree, dict) and part in tree:
            path.append(part)
            tree = tree[part]
        elif error["type"] == "missing" and part == str(error["loc"][-1]):
            path.append(part)
        else:
            is_kind |= not part.isdecimal() and part != "[key]"
    return (*path, *error.get("ctx", {}).get("path", ())), is_kind


def _text(error: ErrorDetails, path: KeyPath) -> str:
    kind, message = error["type"], error["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return "no such key" + _suggestion(path)
    if kind == "string_pattern_mismatch":
        return NAME_EXPECTED if error["ctx"]["pattern"] == NAME_PATTERN else COLUMN_EXPECTED
    text = _WORDS.get(kind, message).replace(" after validation", "")
    for subject in _SUBJECTS:
        if text.startswith(subject):
            text = f"must {text.removeprefix(subject)}"
    shown = repr(error["input"])
    return f"{text}, not {shown}" if kind in _SHOWN and len(shown) <= LONGEST_SHOWN else text


def _suggestion(path: KeyPath) -> str:
    """The key of the same table, else of another one, whose name is most like the last of `path`."""
    table = ("fields", ANY_FIELD) if len(path) > 2 and path[0] == "fields" else path[:-1]
    for keys in ([key for key in _keys() if key[:-1] == table], _keys()):
        near = get_close_matches(path[-1], [key[-1] for key in keys], n=1)
        if near:
            best = next(key for key in keys if key[-1] == near[0])
            return f"; did you mean {best[-1] if best[:-1] == table else '.'.join(best)}?"
    return ""


@cache
def _keys() -> list[KeyPath]:
    """Every key of a declaration, with the tables that lead to it."""
    return list(_keys_of(Declaration, ()))


def _keys_of(model: type[BaseModel], table: KeyPath) -> list[KeyPath]:
    keys: list[KeyPath] = []
    for name, info in model.model_fields.items():
        keys.append((*table, name))
        for kind in (info.annotation, *get_args(info.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                inner = (*table, name, ANY_FIELD) if kind is FieldDeclaration else (*table, name)
                keys += _keys_of(kind, inner)
    return keys
