"""Which classes of a label `false` and `true` stand for."""

from __future__ import annotations

from collections.abc import Sequence

JSON_NAMES = ("false", "true")
PAIRS = (JSON_NAMES, ("no", "yes"), ("f", "t"), ("n", "y"))


def boolean_classes(classes: Sequence[str]) -> dict[str, str]:
    """The classes that `false` and `true` name: such a pair in whatever case; none where they are classes themselves.

    >>> boolean_classes(["Yes", "No"]), boolean_classes(["false", "true"]), boolean_classes(["0", "1"])
    ({'false': 'No', 'true': 'Yes'}, {}, {})
    """
    names = {name.casefold(): name for name in classes}
    if len(names) == len(classes) and not set(JSON_NAMES) & set(classes):
        for pair in PAIRS:
            if names.keys() >= set(pair):
                return dict(zip(JSON_NAMES, (names[name] for name in pair), strict=True))
    return {}
