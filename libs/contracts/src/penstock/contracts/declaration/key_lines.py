"""The line of a `stream.toml` at which a key is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import reduce
from typing import Any

from penstock.contracts.declaration.violation import KeyPath

Tree = dict[str, Any]

MOST_TRIES = 200  # to find the end of one value over several lines

_MAY_END = re.compile(r"\]\s*(#.*)?$|\"\"\"|'''")


def line_of(path: KeyPath, text: str) -> int | None:
    r"""The line of the deepest key of `path` that is written in a valid TOML text; else that of `[stream]`.

    >>> line_of(("fields", "b", "min"), '[fields]\na = { min = 0 }\nb = { min = "x" }')
    3
    """
    found, depth = None, -1
    for line, keys in _statements(text):
        here = _depth(path, keys)
        if here > depth and (here or "stream" in keys):
            found, depth = line, here
    return found


def _depth(path: KeyPath, keys: Tree) -> int:
    """How many keys of the path lead to a key that is written here; those of `[stream]` stand beside the tables."""
    tree: Any = {**keys, **(keys["stream"] if isinstance(keys.get("stream"), dict) else {})}
    for depth, part in enumerate(path):
        if not isinstance(tree, dict) or part not in tree:
            return depth
        tree = tree[part]
    return len(path)


def _statements(text: str) -> Iterator[tuple[int, Tree]]:
    """Each header and each `key = value`: its first line, and what it holds below the keys that lead to it."""
    table: list[str] = []
    for line, source, content in _parsed(text):
        if source.lstrip().startswith("["):
            table = _only_path(content)
            yield line, content
        elif content:
            yield line, reduce(lambda keys, name: {name: keys}, reversed(table), content)


def _parsed(text: str) -> Iterator[tuple[int, str, Tree]]:
    """The statements, each with its first line, its source and what it says by itself."""
    source, tries = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        begins = not source
        source += line + "\n"
        if not begins and not _MAY_END.search(line):
            continue
        try:
            content = tomllib.loads(source)
        except tomllib.TOMLDecodeError:
            tries += 1
            if tries > MOST_TRIES:
                return
            continue
        yield number - source.count("\n") + 1, source, content
        source, tries = "", 0


def _only_path(tree: Any) -> list[str]:
    """The keys of a header, such as `[a.b]`: each holds one other."""
    path: list[str] = []
    while tree:
        (name,) = tree
        path.append(name)
        tree = tree[name][0] if isinstance(tree[name], list) else tree[name]
    return path
