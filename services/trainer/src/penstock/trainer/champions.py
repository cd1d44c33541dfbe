"""The versions that serve and served, by stream: what a candidate is compared with, and what could be returned to."""

from __future__ import annotations

from penstock.contracts.records.models import ModelEpoch, ModelVersion

BASELINE_VERSION = 0


class Champions:
    """The champions of each stream, from the records on `models`."""

    def __init__(self) -> None:
        self._newest: dict[str, ModelEpoch] = {}
        self._before: dict[str, ModelVersion] = {}
        self._baselines: dict[str, ModelVersion] = {}

    def apply(self, record: ModelEpoch) -> None:
        """Apply one record; an epoch that is not newer changes nothing."""
        newest = self._newest.get(record.stream)
        if newest is not None and record.epoch <= newest.epoch:
            return
        if newest is not None and newest.champion.version != record.champion.version:
            self._before[record.stream] = newest.champion
        self._newest[record.stream] = record
        if record.champion.version == BASELINE_VERSION:
            self._baselines[record.stream] = record.champion

    def version(self, stream: str) -> int:
        """The champion's version, that of the baseline before the first epoch."""
        newest = self._newest.get(stream)
        return newest.champion.version if newest else BASELINE_VERSION

    def champion(self, stream: str) -> ModelVersion | None:
        """The champion, None while it is the baseline."""
        newest = self._newest.get(stream)
        return newest.champion if newest and newest.champion.version != BASELINE_VERSION else None

    def alternatives(self, stream: str) -> list[ModelVersion]:
        """What could serve instead: the version before the champion, and the baseline."""
        others = {model.version: model for held in (self._before, self._baselines) if (model := held.get(stream))}
        return [model for version, model in others.items() if version != self.version(stream)]
