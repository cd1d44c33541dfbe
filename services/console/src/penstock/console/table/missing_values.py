"""Texts with which files say that a value is missing, and values that may stand for one."""

from __future__ import annotations

from collections.abc import Callable, Collection

from penstock.contracts.declaration.stream import MISSING_TEXTS, Declaration

DISGUISED_TEXTS = frozenset(
    {"-", "--", "?", ".", "#n/a", "#na", "n/a", "<na>", "na", "nan", "none", "nil", "null", "missing", "unknown"}
    | {"undefined", "not available", "#null!", "#value!", "#div/0!"}
)
"""Texts in lower case that may stand for a missing value; they are pointed out."""


IsMissing = Callable[[str], bool]


def is_disguised(text: str) -> bool:
    """Whether a text may stand for a missing value.

    >>> is_disguised("Unknown"), is_disguised(" ? "), is_disguised("north")
    (True, True, False)
    """
    return text.strip().lower() in DISGUISED_TEXTS


def missing_test(texts: Collection[str] = MISSING_TEXTS, values: Collection[str] = ()) -> IsMissing:
    """Whether a cell's text stands for a missing value: blank, or one of `texts`, unless it is one of `values`.

    >>> is_missing = missing_test(values=["NA"])
    >>> is_missing(" "), is_missing("NaN"), is_missing("NA")
    (True, True, False)
    """
    missing = frozenset(texts).union([""]) - frozenset(values)
    return lambda text: text in missing or (text.strip() in missing and text not in values)


def field_missing_texts(declaration: Declaration, name: str) -> Collection[str]:
    """The texts that stand for a missing value of a field."""
    missing = declaration.fields[name].missing
    return declaration.missing if isinstance(missing, str) else missing


def label_missing_test(declaration: Declaration) -> IsMissing:
    """Whether a text stands for an unknown label; a class that is listed never does."""
    label = declaration.label
    return missing_test(declaration.missing if label.missing is None else label.missing, label.classes)
