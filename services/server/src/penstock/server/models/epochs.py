"""Which model each stream is to be answered with, and which one answers it: epochs only rise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from penstock.contracts.records.models import Challenger, ModelEpoch, ModelVersion, RolloutStep
from penstock.server.learning.outcome_state import Fold
from penstock.server.models.circuit_breaker import Arm, Challenged


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """The models that answer, and the epoch in force. Requests capture it once and keep it to their end.

    `spare` served before; it takes over, under the same epoch, when the champion's answers turn out to be unusable:
    then `champion` is not the one of `record`. `challengers` are in the order of the record's trial.
    """

    record: ModelEpoch
    champion: Arm
    challengers: tuple[Challenged, ...] = ()
    spare: Arm | None = None

    @property
    def epoch(self) -> int:
        """The epoch that answers are given under."""
        return self.record.epoch

    @property
    def arms(self) -> list[Arm]:
        """All that may answer."""
        return [self.champion, *(one.arm for one in self.challengers if one.arm is not None)]

    def met(self, trial: RolloutStep | None, challenger: Challenger) -> Challenged | None:
        """The challenger as it was met before in the same trial."""
        own = self.record.rollout
        if own is None or trial is None or own.id != trial.id:
            return None
        at_hand = dict(zip((one.model.version for one in own.challengers), self.challengers, strict=True))
        return at_hand.get(challenger.model.version)

    def arm_of(self, version: ModelVersion) -> Arm | None:
        """The model at hand that is exactly this version, signature and all; None when there is none."""
        at_hand = [*self.arms, *([self.spare] if self.spare is not None else [])]
        return next((arm for arm in at_hand if arm.version == version), None)


@dataclass(frozen=True, slots=True)
class Unserved:
    """Why the model of `epoch` does not serve.

    `passing` when that may mend by itself; not `tried` when loading it would have been too early.
    """

    epoch: int
    reason: str
    passing: bool = False
    tried: bool = True


class Epochs:
    """For every stream: the newest epoch heard of, the model in service, and what was refused or is awaited."""

    def __init__(self) -> None:
        self._first: dict[str, ModelEpoch] = {}
        self._wanted: dict[str, ModelEpoch] = {}
        self._serving: dict[str, Serving] = {}
        self._refused: dict[str, Unserved] = {}
        self._waiting: dict[str, Unserved] = {}

    def want(self, record: ModelEpoch) -> None:
        """Note an epoch; an older one than the newest known changes nothing."""
        self._first.setdefault(record.stream, record)
        known = self._wanted.get(record.stream)
        if known is None or record.epoch > known.epoch:
            self._wanted[record.stream] = record

    def first(self, stream: str) -> ModelEpoch | None:
        """The stream's first epoch, which is its baseline's."""
        return self._first.get(stream)

    def serving(self, stream: str) -> Serving | None:
        """The model in service."""
        return self._serving.get(stream)

    def to_load(self, stream: str, again: bool = False) -> ModelEpoch | None:
        """The newest epoch if its model is still to be loaded; `again` counts failed ones that may mend by now."""
        wanted, serving = self._wanted.get(stream), self._serving.get(stream)
        if wanted is None or (serving is not None and serving.epoch >= wanted.epoch):
            return None
        for failed in (self._refused.get(stream), self._waiting.get(stream)):
            if failed is not None and failed.epoch == wanted.epoch and failed.tried and not (again and failed.passing):
                return None
        return wanted

    def streams_to_load(self) -> list[str]:
        """The streams whose newest model is not in service, but may come to be."""
        return [stream for stream in self._wanted if self.to_load(stream, again=True)]

    def serve(self, stream: str, serving: Serving) -> None:
        """Put a model in service under a higher epoch; the one before stays at hand as its spare."""
        before = self._serving.get(stream)
        if before is not None and serving.epoch <= before.epoch:
            raise ValueError(f"{stream} is served under epoch {before.epoch} already, {serving.epoch} is no higher")
        self._serving[stream] = replace(serving, spare=_spare(before, serving.champion))
        for failures in (self._refused, self._waiting):
            if stream in failures and failures[stream].epoch <= serving.epoch:
                del failures[stream]

    def stand_in(self, stream: str, spare: Arm) -> None:
        """Let `spare` answer from now on under the epoch in force, whose own model was refused."""
        self._serving[stream] = replace(self._serving[stream], champion=spare, spare=None)

    def refuse(self, stream: str, refused: Unserved) -> bool:
        """Note that a model must not serve; whether that is news."""
        self._waiting.pop(stream, None)
        before = self._refused.get(stream)
        self._refused[stream] = refused
        return before is None or before.epoch != refused.epoch

    def wait(self, stream: str, waiting: Unserved) -> bool:
        """Note that a model cannot be loaded for now; whether that is news."""
        before = self._waiting.get(stream)
        self._waiting[stream] = waiting
        return before != waiting

    def folds(self) -> list[tuple[str, Fold]]:
        """What goes on learning, with its stream."""
        return [
            (stream, arm.fold)
            for stream, serving in self._serving.items()
            for arm in serving.arms
            if arm.fold is not None
        ]

    def facts(self) -> dict[str, Any]:
        """What health says: the epochs in force, which models were refused or are awaited and why, and how far was learnt."""
        return {
            "epochs": {stream: serving.epoch for stream, serving in self._serving.items()},
            "learnt_to": _learnt_to(self.folds()),
            "refused": {stream: _told(refused) for stream, refused in self._refused.items()},
            "waiting": {stream: _told(waiting) for stream, waiting in self._waiting.items()},
        }


def _spare(before: Serving | None, champion: Arm) -> Arm | None:
    """What served before, unless it is what serves now."""
    if before is None:
        return None
    return before.spare if before.champion is champion else before.champion


def _learnt_to(folds: list[tuple[str, Fold]]) -> dict[str, int]:
    """By stream how far the one that lags most has come."""
    furthest: dict[str, int] = {}
    for stream, fold in folds:
        furthest[stream] = min(fold.learnt_to, furthest.get(stream, fold.learnt_to))
    return furthest


def _told(unserved: Unserved) -> dict[str, Any]:
    return {"epoch": unserved.epoch, "reason": unserved.reason}
