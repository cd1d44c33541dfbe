"""Which model each stream is to be answered with, and which one answers it: epochs only rise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from penstock.contracts.models import ModelEpoch, ModelVersion
from penstock.ml.baseline import BASELINE
from penstock.ml.models import Model
from penstock.ml.online.blend import Blend
from penstock.server.folding import Fold


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """A model that answers, and the epoch in force. Requests capture it once and keep it to their end.

    `spare` served before it; it takes over, under the same epoch, when this one's answers turn out to be unusable:
    then `version` is not the champion of `record`. `fold` is what goes on learning.
    """

    record: ModelEpoch
    version: ModelVersion
    model: Model | Blend
    fold: Fold | None = None
    spare: Serving | None = None

    @property
    def epoch(self) -> int:
        """The epoch that answers are given under."""
        return self.record.epoch

    @property
    def baseline(self) -> bool:
        """Whether this is the constant that every real model has to beat."""
        return self.model.family == BASELINE


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
        spare = replace(before, spare=None) if before is not None else None
        self._serving[stream] = replace(serving, spare=spare)
        for failures in (self._refused, self._waiting):
            if stream in failures and failures[stream].epoch <= serving.epoch:
                del failures[stream]

    def stand_in(self, stream: str, spare: Serving) -> None:
        """Let `spare` answer from now on under the epoch in force, whose own model was refused."""
        self._serving[stream] = replace(spare, record=self._serving[stream].record, spare=None)

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

    def folds(self) -> dict[str, Fold]:
        """What goes on learning, by stream."""
        return {stream: serving.fold for stream, serving in self._serving.items() if serving.fold is not None}

    def facts(self) -> dict[str, Any]:
        """What health says: the epochs in force, which models were refused or are awaited and why, and how far was learnt."""
        return {
            "epochs": {stream: serving.epoch for stream, serving in self._serving.items()},
            "learnt_to": {stream: fold.learnt_to for stream, fold in self.folds().items()},
            "refused": {stream: _told(refused) for stream, refused in self._refused.items()},
            "waiting": {stream: _told(waiting) for stream, waiting in self._waiting.items()},
        }


def _told(unserved: Unserved) -> dict[str, Any]:
    return {"epoch": unserved.epoch, "reason": unserved.reason}
