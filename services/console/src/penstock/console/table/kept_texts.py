"""Whether NA and the like are missing values in a column of texts, or values: Namibia among countries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.console.table.column_profile import ColumnProfile

if TYPE_CHECKING:
    from penstock.console.table.column_scan import ColumnScan

LEAST_SHARE = 0.01  # of the rows: a text that is rarer, or there once, is a missing value
AGREEMENT = frozenset({"yes", "no", "true", "false", "y", "n", "t", "f", "0", "1"})


def kept_texts(scan: ColumnScan, missing_among_numbers: Collection[str]) -> dict[str, int]:
    """The usual texts for missing values that are values in this column of texts, with counts.

    They are if frequent, unless the file writes them for missing numbers too; beside values that look the same they
    are even then.
    """
    others = [text for text in scan.counts or () if text not in scan.missing_texts]
    if others and {text.strip().lower() for text in others} <= AGREEMENT:
        return {}
    return {
        text: count
        for text, count in scan.missing_texts.items()
        if count >= max(2, LEAST_SHARE * scan.rows) and (text not in missing_among_numbers or _look_alike(text, others))
    }


def label_profile(profile: ColumnProfile) -> ColumnProfile:
    """The profile of a column that is the label: NA is a class only where it plainly is one.

    It is beside classes in capitals such as EU and APAC, or if it is as frequent as the others. Where the others are
    two, a third that is rarer is an unknown label.
    """
    classes = {text: count for text, count in profile.counts.items() if text not in profile.kept_texts}
    kept = {text: count for text, count in profile.kept_texts.items() if _is_class(text, count, classes)}
    back = {text: count for text, count in profile.kept_texts.items() if text not in kept}
    counts = {text: count for text, count in profile.counts.items() if text not in back}
    return replace(
        profile,
        counts=counts,
        distinct=profile.distinct - len(back),
        missing=profile.missing + sum(back.values()),
        missing_texts=dict(profile.missing_texts) | back,
        kept_texts=kept,
    )


def _is_class(text: str, count: int, classes: Mapping[str, int]) -> bool:
    if len(classes) > 2 and all(name.isalpha() and name.isupper() and len(name) <= 5 for name in classes):
        return text.isupper()
    return len(classes) > 1 and count >= sum(classes.values()) / len(classes) / 2


def _look_alike(text: str, others: Collection[str]) -> bool:
    return bool(others) and all(
        len(other) == len(text) and other.isalpha() and other.isupper() == text.isupper() for other in others
    )
