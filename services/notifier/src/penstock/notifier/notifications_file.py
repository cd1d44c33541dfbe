"""Reading `notifications.toml`, with errors that name the file, the key and what was expected."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from penstock.contracts.declaration.stream_file import one_line
from penstock.notifier.notifications import Notifications


class BadNotifications(ValueError):
    """The file cannot be used; the message is one line."""


def read_notifications(path: Path) -> Notifications:
    """The destinations and silences of the file `path`.

    Raises:
        BadNotifications: it cannot be read, is not TOML, or a key or value is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return Notifications.model_validate(document)
    except OSError as error:
        raise BadNotifications(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadNotifications(f"{path}: not valid TOML: {one_line(str(error))}") from error
    except ValidationError as error:
        raise BadNotifications(f"{path}: {one_line(_first(error, document))}") from error


def _first(error: ValidationError, document: dict[str, Any]) -> str:
    first = error.errors(include_url=False)[0]
    expected = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        expected = "no such key"
    return f"{_place(first['loc'], document)}: {expected}"


def _place(location: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """The keys that lead to an error, a destination by its name; pydantic adds the kind that it took it for."""
    tables = document.get(str(location[0])) if location else None
    if len(location) < 2 or not isinstance(tables, list) or not isinstance(location[1], int):
        return ".".join(map(str, location)) or "the file"
    table = tables[location[1]]
    name = table.get("name") if isinstance(table, dict) else None
    rest = [str(part) for part in location[2:] if not (isinstance(table, dict) and part == table.get("kind"))]
    return " ".join([str(location[0]), repr(name) if name else f"number {location[1] + 1}", ".".join(rest)]).rstrip()
