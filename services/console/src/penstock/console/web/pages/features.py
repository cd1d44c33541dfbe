"""The features of a stream: their newest values against those that the champion was trained on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.artifacts import ArtifactError, open_store
from penstock.console.web.answer_sample import AnswerSample, read_sample
from penstock.console.web.charts.field_chart import FieldChart, field_chart
from penstock.console.web.sources import Sources
from penstock.contracts.records.models import ModelVersion
from penstock.contracts.records.streams import StreamDeclared
from penstock.drift_detector.drift.profiles import BadProfile, Profile, comparable_fields, read_profile


@dataclass(frozen=True)
class FeaturesPage:
    """The fields, those that differ most first; `version` is the champion's, `missing` why there is no reference."""

    declared: StreamDeclared
    of: str
    version: int | None
    fields: Sequence[FieldChart]
    missing: str


async def read_features(sources: Sources, name: str) -> FeaturesPage:
    """The page of a stream's features.

    Raises:
        PageMissing: no stream of that name is declared.
        TransientError: the log does not answer.
    """
    declared, history = sources.stream(name)
    champion = history.epoch.champion if history.epoch else None
    sample = await read_sample(sources.log, sources.namespace, declared)
    if champion is None or champion.profile is None:
        missing = "The champion is the baseline, which was not trained: there is nothing to compare with."
        return FeaturesPage(declared, sample.of, champion.version if champion else None, (), missing)
    try:
        profile = await asyncio.to_thread(_profile, sources.artifacts, champion)
    except (ArtifactError, BadProfile, OSError) as error:
        missing = f"The training profile of version {champion.version} cannot be read: {error}"
        return FeaturesPage(declared, sample.of, champion.version, (), missing)
    fields = await asyncio.to_thread(_fields, comparable_fields(profile, declared.declaration), sample)
    return FeaturesPage(declared, sample.of, champion.version, fields, "")


def _profile(artifacts: str, model: ModelVersion) -> Profile:
    assert model.profile is not None
    return read_profile(open_store(artifacts).get(model.profile))


def _fields(profile: Profile, sample: AnswerSample) -> list[FieldChart]:
    charts = [
        field_chart(name, reference, reference.count(sample.fields[name]))
        for name, reference in profile.items()
        if name in sample.fields and len(sample)
    ]
    return sorted(charts, key=lambda field: -field.psi)
