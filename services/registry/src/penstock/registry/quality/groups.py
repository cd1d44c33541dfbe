"""Groups of answers: by the version that answered, by the values of a field, or by both of two of these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.slice_values import slice_value
from penstock.registry.quality.answers import Answer

VERSION = "version"
MOST_FIELDS = 2
MOST_GROUPS = 30
OTHER = "(other)"
UNKNOWN = "(unknown)"

Group = tuple[str, ...]  # a value of each field


class BadGrouping(ValueError):
    """The answers of the stream cannot be grouped so."""


def check_grouping(declaration: Declaration, by: Sequence[str]) -> None:
    """Check what answers are to be grouped by.

    Raises:
        BadGrouping: it names too many fields, one twice, or one that has no values to group by.
    """
    if len(by) > MOST_FIELDS or len(set(by)) < len(by):
        raise BadGrouping(f"name at most {MOST_FIELDS} fields, each once")
    for name in by:
        if name == VERSION:
            continue
        if name not in declaration.fields:
            able = [VERSION, *(field for field, of in declaration.fields.items() if of.type in ("category", "boolean"))]
            raise BadGrouping(f"{declaration.name} has no such field; answers are grouped by {', '.join(able)[:150]}")
        if declaration.fields[name].type not in ("category", "boolean"):
            raise BadGrouping(f"{name!r} is a {declaration.fields[name].type}; name a category or a boolean")


def group_names(declaration: Declaration, answers: Sequence[Answer], by: Sequence[str]) -> list[Group]:
    """The group of each answer: one of the `MOST_GROUPS` largest, or that of all others.

    The value of a missing field is an empty text; that of an event that is not on hand is unknown.
    """
    attributes = [None if name == VERSION else declaration.attribute_of(name) for name in by]
    names = [tuple(_value(answer, attribute) for attribute in attributes) for answer in answers]
    kept = {name for name, _ in Counter(names).most_common(MOST_GROUPS)}
    others = (OTHER,) * len(by)
    return [name if name in kept else others for name in names]


def _value(answer: Answer, attribute: str | None) -> str:
    if attribute is None:
        return answer.prediction.version_name
    return UNKNOWN if answer.fields is None else slice_value(getattr(answer.fields, attribute))
