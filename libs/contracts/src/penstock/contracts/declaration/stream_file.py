"""`stream.toml`: reading and writing a declaration, with errors that name file, line and what was expected."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from penstock.contracts.declaration.stream import Declaration

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
    try:
        document = tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except RecursionError as error:
        raise DeclarationError(f"{name}: not valid TOML: nested too deep") from error
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(_syntax_error(str(error), name)) from error
    stream = document.pop("stream", None)
    if not isinstance(stream, dict):
        raise DeclarationError(f"{name}: expected a [stream] table with name and task")
    try:
        return Declaration.model_validate({**document, **stream}, strict=False)
    except ValidationError as error:
        raise DeclarationError(_first_error(error, text, name)) from error


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
    reason = _one_line(_AT_LINE.sub(r" at column \2", message))
    return f"{where}: not valid TOML: {reason}"


def _one_line(text: str) -> str:
    """The text without control characters: errors quote keys and values, which may hold anything."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _first_error(error: ValidationError, text: str, name: str) -> str:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    line = _line_of(path, text)
    message = first["msg"].removeprefix("Value error, ")
    expected = _one_line(f"{'.'.join(path)}: {message}" if path else message)
    return f"{name}:{line}: {expected}" if line else f"{name}: {expected}"


def _line_of(path: list[str], text: str) -> int | None:
    """The line of the deepest key of `path` that is written in the text, each searched after the one before."""
    lines = text.splitlines()
    start, line = 0, None
    for part in path:
        key = re.escape(part)
        table = re.compile(rf"^\s*\[+\s*(?:[\w\"'.-]+\.)?[\"']?{key}[\"']?\s*\]+")
        entry = re.compile(rf"(?:^|[{{,])\s*[\"']?{key}[\"']?\s*=")
        for pattern in (table, entry):
            hit = next((n for n in range(start, len(lines)) if pattern.search(lines[n])), None)
            if hit is not None:
                start, line = hit, hit + 1
                break
    return line


def write_declaration(document: dict[str, Any]) -> str:
    """The TOML text of a declaration given as tables, one key a line; `parse_declaration` reads it back."""
    tables = [_table(title, content) for title, content in document.items() if content]
    return "\n".join(tables)


def _table(title: str, content: dict[str, Any]) -> str:
    return f"[{title}]\n" + "".join(f"{_key(key)} = {_value(value)}\n" for key, value in content.items())


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case dict():
            return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case _:
            escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
            return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
