"""What a person says about a model that they push: metadata with types, and the environment that it was made in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock.console.failure import wrong_input

Value = str | int | float | bool
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:===?|@)\s*([^\s;\\]+)")


def read_metadata(pairs: Sequence[str], option: str = "--metadata") -> dict[str, Value]:
    """Pairs `key=value`: whole numbers, numbers, `true` and `false` by their types, all else as text; quotes make text.

    >>> read_metadata(["auc=0.91", "trees=500", "team=risk", "audited=true", 'ticket="17"'])
    {'auc': 0.91, 'trees': 500, 'team': 'risk', 'audited': True, 'ticket': '17'}

    Raises:
        ConsoleFailure: one is no such pair, or a key comes twice.
    """
    metadata: dict[str, Value] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise wrong_input(f"{option} {pair}: expected KEY=VALUE")
        if key in metadata:
            raise wrong_input(f"{option} {pair}: {key} is given twice")
        metadata[key] = _typed(text)
    return metadata


def matches(metadata: Mapping[str, Any], wanted: Mapping[str, Value]) -> bool:
    """Whether metadata has all of the wanted keys with equal values; a number is no text, and true is no 1.

    >>> matches({"trees": 500, "team": "risk"}, {"trees": 500.0}), matches({"trees": "500"}, {"trees": 500})
    (True, False)
    """
    return all(
        key in metadata and metadata[key] == value and isinstance(metadata[key], bool) == isinstance(value, bool)
        for key, value in wanted.items()
    )


def _typed(text: str) -> Value:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"[+-]?\d{1,18}", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", text):
        return float(text)
    return text


def read_environment(file: Path | None) -> dict[str, str]:
    """The versions in a file of requirements (`pip freeze`), by library.

    Raises:
        ConsoleFailure: the file cannot be read, or names no version.
    """
    if file is None:
        return {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise wrong_input(f"--environment {file}: cannot be read: {error}") from error
    found = [(match[1], match[2]) for line in lines if (match := _REQUIREMENT.match(line.strip()))]
    if not found:
        raise wrong_input(f"--environment {file}: expected lines such as torch==2.8.0")
    return dict(found)


def read_trained_until(text: str | None) -> str | None:
    """The event time up to which a model has learnt, in ISO 8601; of UTC unless it says otherwise.

    Raises:
        ConsoleFailure: it is no such time.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise wrong_input(f"--trained-until {text}: expected a time such as 2026-03-01T00:00Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
