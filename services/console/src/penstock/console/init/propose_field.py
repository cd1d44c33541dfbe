"""The declaration of a field: its type from all rows of the column, its range and categories from the first ones."""

from __future__ import annotations

import re
from typing import Any

from penstock.console.init.sample import unreadable_texts
from penstock.console.table.column_profile import ColumnProfile
from penstock.contracts.declaration.stream import MISSING_TEXTS

MAX_LISTED_CATEGORIES = 50
MAX_ENTITY_CATEGORIES = 200  # an entity with more values has too few rows of each to be a feature
LEAST_ROWS_OF_IDS = 20  # in fewer, numbers that all differ show nothing
_ID_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|index|row|rowid|instant|unnamed: 0)$")
_CAMEL_ID = re.compile(r"[a-z]I[Dd]$")


def propose_field(profile: ColumnProfile, first: ColumnProfile) -> dict[str, Any]:
    """The declaration of a field that holds a column; `first` is the profile of its first rows."""
    if profile.kind == "boolean":
        return {"type": "boolean", **_missing(profile)}
    if profile.number_format is not None:
        is_feature = {"feature": False} if looks_like_id(profile) and is_called_id(profile.name) else {}
        return {"type": "number", **_range(first), **_missing(profile), **is_feature}
    if not profile.distinct or first.distinct > max(MAX_LISTED_CATEGORIES, first.rows / 2):
        return {"type": "category", "feature": False}  # nearly every row has another value, or none has one
    categories = {"categories": sorted(first.counts)} if 0 < first.distinct <= MAX_LISTED_CATEGORIES else {}
    return {"type": "category", **categories, **_missing(profile)}


def propose_entity_field(profile: ColumnProfile) -> dict[str, Any]:
    """The declaration of the field that names the entity."""
    return {"type": "category", "missing": "refuse", "feature": profile.distinct <= MAX_ENTITY_CATEGORIES}


def looks_like_id(profile: ColumnProfile) -> bool:
    """Whether every row has another text or whole number."""
    is_name = profile.kind == "integer" or (profile.kind == "text" and profile.number_format is None)
    return is_name and profile.unique and profile.values == profile.rows >= LEAST_ROWS_OF_IDS


def is_called_id(name: str) -> bool:
    """Whether a column's name says that it numbers the rows.

    >>> [is_called_id(name) for name in ("id", "Order ID", "orderId", "flight_id", "Unnamed: 0", "paid", "humid")]
    [True, True, True, True, True, False, False]
    """
    return bool(_ID_NAME.search(name.lower()) or _CAMEL_ID.search(name))


def _range(first: ColumnProfile) -> dict[str, Any]:
    if not isinstance(first.minimum, float) or not isinstance(first.maximum, float):
        return {}
    return {"min": first.minimum, "max": first.maximum}


def _missing(profile: ColumnProfile) -> dict[str, Any]:
    """The texts that stand for missing values, where they are others than usual."""
    texts = [text for text in MISSING_TEXTS if text not in profile.kept_texts] + unreadable_texts(profile)
    return {} if texts == list(MISSING_TEXTS) else {"missing": texts}
