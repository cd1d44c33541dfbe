"""The declaration of a field: its type from all rows of the column, its range and categories from the first ones."""

from __future__ import annotations

from typing import Any

from penstock.console.init.identifiers import NumberUse
from penstock.console.init.sample import unreadable_texts
from penstock.console.table.column_profile import ColumnProfile
from penstock.contracts.declaration.stream import MISSING_TEXTS

MAX_LISTED_CATEGORIES = 50
MAX_ENTITY_CATEGORIES = 200  # an entity with more values has too few rows of each to be a feature


def propose_field(profile: ColumnProfile, first: ColumnProfile, use: NumberUse = "measure") -> dict[str, Any]:
    """The declaration of a field that holds a column; `first` is the profile of its first rows, `use` that of numbers.

    Codes are categories, and text as they are written.
    """
    if profile.kind == "boolean":
        return {"type": "boolean", **_missing(profile)}
    if profile.number_format is not None and use != "code":
        is_feature = {} if use == "measure" else {"feature": False}
        return {"type": "number", **_range(first), **_missing(profile), **is_feature}
    if not profile.distinct or first.distinct > max(MAX_LISTED_CATEGORIES, first.rows / 2):
        return {"type": "category", "feature": False}  # nearly every row has another value, or none has one
    categories = {"categories": sorted(first.counts)} if 0 < first.distinct <= MAX_LISTED_CATEGORIES else {}
    return {"type": "category", **categories, **_missing(profile)}


def propose_entity_field(profile: ColumnProfile) -> dict[str, Any]:
    """The declaration of the field that names the entity."""
    return {"type": "category", "missing": "refuse", "feature": profile.distinct <= MAX_ENTITY_CATEGORIES}


def _range(first: ColumnProfile) -> dict[str, Any]:
    if not isinstance(first.minimum, float) or not isinstance(first.maximum, float):
        return {}
    return {"min": first.minimum, "max": first.maximum}


def _missing(profile: ColumnProfile) -> dict[str, Any]:
    """The texts that stand for missing values, where they are others than usual."""
    texts = [text for text in MISSING_TEXTS if text not in profile.kept_texts] + unreadable_texts(profile)
    return {} if texts == list(MISSING_TEXTS) else {"missing": texts}
