"""`stream.toml`: reading and writing a declaration, with errors that name file, line and what was expected."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from penstock.contracts.declaration.apply_check import first_violation
from penstock.contracts.declaration.error_text import first_error
from penstock.contracts.declaration.key_lines import line_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.violation import KeyPath, Violation

LARGEST_FILE = 150_000  # characters: with every default written out, still a record that the log takes
MOST_DOTS = 500  # in one key: the parser's time grows with their square


class DeclarationError(ValueError):
    """A declaration is not valid; the message is one line: file, line and what was expected."""


def read_declaration(path: Path) -> Declaration:
    """Read and check the declaration in the TOML file `path`.

    Raises:
        DeclarationError: the file cannot be read, is not TOML, or is not a valid declaration.
    """
    return parse_declaration(_read_text(path), str(path))


def parse_declaration(text: str, name: str = "stream.toml") -> Declaration:
    """Check the declaration written in `text`; `name` stands for the file in errors.

    Raises:
        DeclarationError: `text` is not TOML, or is not a valid declaration.

    >>> parse_declaration('''
    ... [stream]
    ... name = "loans"
    ... task = "binary"
    ... [label]
    ... name = "defaulted"
    ... classes = ["no", "yes"]
    ... [fields]
    ... amount = { type = "number", min = 0 }
    ... ''').partition_count
    1
    """
    if len(text) > LARGEST_FILE or _has_long_dotted_key(text):
        raise DeclarationError(f"{name}: expected a declaration of at most {LARGEST_FILE // 1000} kB, in plain tables")
    text = _plain(text)
    document = _parse_toml(text, name)
    try:
        declaration = Declaration.model_validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        raise DeclarationError(_located(first_error(error, document), text, name)) from error
    violation = first_violation(declaration)
    if violation is not None:
        raise DeclarationError(_located(violation, text, name))
    return declaration


def _parse_toml(text: str, name: str) -> dict[str, Any]:
    """The tables of the file, with the keys of `[stream]` beside them."""
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        raise DeclarationError(f"{name}: not valid TOML: nested too deep") from error
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(_syntax_error(str(error), name)) from error
    stream = document.pop("stream", None)
    if not isinstance(stream, dict):
        raise DeclarationError(f"{name}: expected a [stream] table with name and task")
    return {**document, **stream}


def _has_long_dotted_key(text: str) -> bool:
    dense = re.sub(r"[ \t]+", "", text)
    return any(part.count(".") > MOST_DOTS for part in re.split(r"[\n=,\[\]{}]", dense))


def _read_text(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise DeclarationError(f"{path}: expected a TOML file, this is no regular file")
        if path.stat().st_size > 4 * LARGEST_FILE:  # bytes, a character has at most 4
            raise DeclarationError(f"{path}: expected a declaration of at most {LARGEST_FILE // 1000} kB")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DeclarationError(f"{path}:{line}: expected UTF-8 text") from error
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read: {error.strerror or error}") from error


_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def _syntax_error(message: str, name: str) -> str:
    line = _AT_LINE.search(message)
    where = f"{name}:{line.group(1)}" if line else name
    reason = one_line(_AT_LINE.sub(r" at column \2", message))
    return f"{where}: not valid TOML: {reason}"


def one_line(text: str) -> str:
    """The text without control characters: errors quote keys and values, which may hold anything."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _located(violation: Violation, text: str, name: str) -> str:
    return f"{_place(violation.path, text, name)}: {one_line(f'{violation.key}: {violation.detail}')}"


def _place(path: KeyPath, text: str, name: str) -> str:
    line = line_of(path, text)
    return f"{name}:{line}" if line else name


def place_of(key: str, path: Path) -> str:
    """The file and the line of a key in the valid declaration at `path`; the key as `Violation.key` writes it."""
    return _place(tuple(key.split(".")), _plain(_read_text(path)), str(path))


def _plain(text: str) -> str:
    """The text without byte order mark, and with the line ends of Unix."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def write_declaration(document: dict[str, Any]) -> str:
    """The TOML text of a declaration given as tables, one key a line; `parse_declaration` reads it back."""
    tables = [_table(title, content) for title, content in document.items() if content]
    return "\n".join(tables)


def _table(title: str, content: dict[str, Any]) -> str:
    return f"[{title}]\n" + "".join(f"{_key(key)} = {toml_value(value)}\n" for key, value in content.items())


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)


def toml_value(value: Any) -> str:
    """A value as TOML has it; what it has no form for is written as text."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case dict() if value:
            return "{ " + ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
        case dict():
            return "{}"
        case list() | tuple():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case _:
            escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
            return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
