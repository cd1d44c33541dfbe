"""Numbers as names: of classes, of entities, of versions."""

from __future__ import annotations

import re
from collections.abc import Collection

from penstock.contracts.label_values import canonical_class

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
_SIGNED_EXPONENT = re.compile(r"-?\d+(\.\d+)?[eE][+-]\d+", re.ASCII)
_SHOWN = 3  # pairs


def canonical_text(text: str) -> str:
    """A number's canonical form, where nothing but its way of writing is lost; other texts as they are.

    >>> canonical_text("1.0"), canonical_text("007"), canonical_text("1_000"), canonical_text("yes")
    ('1', '007', '1_000', 'yes')
    """
    if len(text) > 16 or not (_NUMBER.fullmatch(text) or _SIGNED_EXPONENT.fullmatch(text)):
        return text
    return canonical_class(float(text))


def merged_texts(texts: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The first pairs of texts that are one number, but for whole ones written with a zero behind the point.

    >>> merged_texts(["1.1", "1.10", "1", "1.0"])
    (('1.1', '1.10'), ('1', '1.0'))
    >>> merged_texts(["0", "1", "1.0"])
    ()
    """
    first: dict[float, str] = {}
    pairs = []
    for text in texts:
        try:
            number = float(text) if "_" not in text else None
        except ValueError:
            continue
        if number is not None and number == number:  # noqa: PLR0124 - NaN is not
            other = first.setdefault(number, text)
            if other != text:
                pairs.append((other, text))
    plain = all(re.fullmatch(r"-?(0|[1-9]\d*)(\.0+)?", text) for text in texts)
    return () if plain else tuple(pairs[:_SHOWN])


def written_as_versions(texts: Collection[str]) -> str:
    """A text such as 1.10 among 1.2 and 1.9: a number would lose its zero. Empty where there is none."""
    if not all(re.fullmatch(r"\d+\.\d+", text) for text in texts):
        return ""
    lengths = {len(text.split(".")[1]) for text in texts}
    ending = [text for text in texts if text.endswith("0") and not re.fullmatch(r"\d+\.0", text)]
    return ending[0] if ending and len(lengths) > 1 else ""
