"""Profiles: how a model's training rows fall into bins, field by field. The trainer writes one beside each model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.drift.reference_bins import ReferenceBins

FORMAT = 1

Profile = Mapping[str, ReferenceBins]
"""The reference bins of each field."""


class BadProfile(ValueError):
    """The bytes are not a profile."""


def read_profile(content: bytes) -> Profile:
    """The profile in `{"format": 1, "fields": {name: ReferenceBins.to_dict()}}`.

    Raises:
        BadProfile: the bytes are something else.
    """
    try:
        document: dict[str, Any] = json.loads(content)
        if document["format"] != FORMAT:
            raise BadProfile(f"unknown format {document['format']!r}, expected {FORMAT}")
        return {name: ReferenceBins.from_dict(data) for name, data in document["fields"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadProfile(f"not a profile: {error}") from error


def comparable_fields(profile: Profile, declaration: Declaration) -> Profile:
    """The part of a profile whose fields are still features of the stream, and of the same kind."""
    kinds = {name: "category" if field.type == "category" else "number" for name, field in declaration.features.items()}
    return {name: reference for name, reference in profile.items() if kinds.get(name) == reference.kind}
