"""Profiles: how a model's training rows fell into bins, field by field. The trainer writes one beside each model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch
from penstock.ml.drift.reference_bins import ReferenceBins

FORMAT = 1

Profile = Mapping[str, ReferenceBins]
"""A reference for each field."""


class BadProfile(ValueError):
    """The bytes are no profile."""


class Profiles(Protocol):
    """Where profiles are found by their digest."""

    async def load(self, digest: str) -> Profile | None:
        """The profile, or None when there is none that can be read, now or ever.

        Raises:
            TransientError: the store does not answer.
        """


def read_profile(content: bytes) -> Profile:
    """The profile in `{"format": 1, "fields": {name: Reference.to_dict()}}`.

    Raises:
        BadProfile: it is something else.
    """
    try:
        document: dict[str, Any] = json.loads(content)
        if document["format"] != FORMAT:
            raise BadProfile(f"format {document['format']!r} is not known, expected {FORMAT}")
        return {name: ReferenceBins.from_dict(data) for name, data in document["fields"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadProfile(f"it is no profile: {error}") from error


def comparable(profile: Profile, declaration: Declaration) -> Profile:
    """What of the profile concerns features that the stream still has, in the same kind."""
    kinds = {name: "category" if field.type == "category" else "number" for name, field in declaration.features.items()}
    return {name: reference for name, reference in profile.items() if kinds.get(name) == reference.kind}


class Champions:
    """Who serves each stream: a fold over the topic `models`."""

    def __init__(self) -> None:
        self._newest: dict[str, ModelEpoch] = {}
        self._under: dict[tuple[str, str], int] = {}

    def apply(self, record: ModelEpoch) -> None:
        """Take in one record; an older epoch than the one known changes nothing."""
        known = self._newest.get(record.stream)
        if known is None or record.epoch > known.epoch:
            self._newest[record.stream] = record
            if record.champion.profile:
                self._under[record.stream, record.champion.profile] = record.epoch

    def profile(self, stream: str) -> str | None:
        """The digest of the champion's profile; None for a baseline, or when nothing serves."""
        newest = self._newest.get(stream)
        return newest.champion.profile if newest else None

    def epoch_of(self, stream: str, profile: str) -> int:
        """The newest epoch whose champion bears this profile, else the newest there is."""
        newest = self._newest.get(stream)
        return self._under.get((stream, profile), newest.epoch if newest else 0)

    def epochs(self) -> dict[str, int]:
        """The newest epoch of each stream."""
        return {stream: record.epoch for stream, record in self._newest.items()}
