"""The champion of each stream, as far as drift is concerned: its epoch, its profile, its losses on its holdout."""

from __future__ import annotations

from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.models import ModelEpoch


class Champions:
    """The newest epoch of each stream, from the records on `models`."""

    def __init__(self) -> None:
        self._newest: dict[str, ModelEpoch] = {}
        self._epochs: dict[tuple[str, str], int] = {}  # by stream and profile
        self._holdouts: dict[tuple[str, int], LossMoments] = {}  # by stream and version
        self._changes: dict[str, list[tuple[int, int]]] = {}  # by stream: each new champion's epoch and version

    def apply(self, record: ModelEpoch) -> None:
        """Apply one record; an epoch that is not newer changes nothing."""
        newest = self._newest.get(record.stream)
        if newest is None or record.epoch > newest.epoch:
            self._newest[record.stream] = record
            if newest is None or newest.champion.version != record.champion.version:
                self._changes.setdefault(record.stream, []).append((record.epoch, record.champion.version))
            if record.holdout is not None:
                self._holdouts[record.stream, record.champion.version] = record.holdout
            if record.champion.profile:
                self._epochs[record.stream, record.champion.profile] = record.epoch

    def profile(self, stream: str) -> str | None:
        """The digest of the champion's profile; None for a baseline, or without a champion."""
        newest = self._newest.get(stream)
        return newest.champion.profile if newest else None

    def epoch_of(self, stream: str, profile: str) -> int:
        """The newest epoch whose champion has this profile, else the newest epoch."""
        newest = self._newest.get(stream)
        return self._epochs.get((stream, profile), newest.epoch if newest else 0)

    def holdout(self, stream: str, version: int) -> LossMoments | None:
        """What a version that is or was the champion lost on its holdout; None if no epoch says."""
        return self._holdouts.get((stream, version))

    def left_at(self, stream: str, version: int, epoch: int) -> int | None:
        """The epoch in which another version took over from the champion of `epoch`; None if none has."""
        changes = self._changes.get(stream, [])
        return next((at for at, champion in changes if at > epoch and champion != version), None)

    def epochs(self) -> dict[str, int]:
        """The newest epoch of each stream."""
        return {stream: record.epoch for stream, record in self._newest.items()}
