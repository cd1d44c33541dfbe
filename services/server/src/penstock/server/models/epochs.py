"""Which epoch of each stream is the newest, which one is in force, and why a newer one is not: epochs only rise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from penstock.contracts.records.models import ModelEpoch
from penstock.server.learning.outcome_follower import Learner
from penstock.server.models.arm import Arm
from penstock.server.models.serving_models import ServingModels


@dataclass(frozen=True, slots=True)
class UnavailableModel:
    """Why the model of `epoch` does not serve.

    `temporary`: a later load may succeed. `tried` is False when it was too early to load it.
    """

    epoch: int
    reason: str
    temporary: bool = False
    tried: bool = True


class Epochs:
    """Of every stream the newest epoch, the models in service, and which model was refused or cannot be loaded yet."""

    def __init__(self) -> None:
        self._first: dict[str, ModelEpoch] = {}
        self._newest: dict[str, ModelEpoch] = {}
        self._serving: dict[str, ServingModels] = {}
        self._refused: dict[str, UnavailableModel] = {}
        self._waiting: dict[str, UnavailableModel] = {}
        self._deleted: set[str] = set()

    def add(self, record: ModelEpoch) -> None:
        """Take in an epoch as it is read from the log; one that is older than the newest changes nothing.

        Nor does one of a stream that was deleted.
        """
        if record.stream in self._deleted:
            return
        self._first.setdefault(record.stream, record)
        newest = self._newest.get(record.stream)
        if newest is None or record.epoch > newest.epoch:
            self._newest[record.stream] = record

    def first(self, stream: str) -> ModelEpoch | None:
        """The stream's first epoch, which is its baseline's."""
        return self._first.get(stream)

    def newest(self, stream: str) -> ModelEpoch | None:
        """The stream's newest epoch."""
        return self._newest.get(stream)

    def serving(self, stream: str) -> ServingModels | None:
        """The models in service."""
        return self._serving.get(stream)

    def to_load(self, stream: str, retry: bool = False) -> ModelEpoch | None:
        """The newest epoch if its models are still to be loaded; with `retry` also after a temporary failure."""
        newest, serving = self._newest.get(stream), self._serving.get(stream)
        if newest is None or (serving is not None and serving.epoch >= newest.epoch):
            return None
        for failure in (self._refused.get(stream), self._waiting.get(stream)):
            if failure is None or failure.epoch != newest.epoch or not failure.tried:
                continue
            if not (retry and failure.temporary):
                return None
        return newest

    def streams_to_load(self) -> list[str]:
        """The streams whose newest epoch is not in force, but may come to be."""
        return [stream for stream in self._newest if self.to_load(stream, retry=True)]

    def put_in_force(self, serving: ServingModels) -> None:
        """Serve with these models under a higher epoch; the champion before stays loaded as `previous_champion`.

        Raises:
            ValueError: the epoch is not higher than the one in force.
        """
        stream = serving.record.stream
        before = self._serving.get(stream)
        if before is not None and serving.epoch <= before.epoch:
            raise ValueError(f"{stream} is served under epoch {before.epoch} already, {serving.epoch} is no higher")
        self._serving[stream] = replace(serving, previous_champion=_previous_champion(before, serving.champion))
        for failures in (self._refused, self._waiting):
            if stream in failures and failures[stream].epoch <= serving.epoch:
                del failures[stream]

    def substitute(self, stream: str, substitute: Arm, *, take_over: bool) -> None:
        """Keep `substitute` at hand for what the champion fails at; with `take_over` it answers all from now on."""
        serving = self._serving[stream]
        self._serving[stream] = (
            replace(serving, champion=substitute, previous_champion=None)
            if take_over
            else replace(serving, previous_champion=substitute)
        )

    def refuse(self, stream: str, model: UnavailableModel) -> bool:
        """Note that a model must not serve; whether that is news."""
        self._waiting.pop(stream, None)
        before = self._refused.get(stream)
        self._refused[stream] = model
        return before is None or before.epoch != model.epoch

    def wait(self, stream: str, model: UnavailableModel) -> bool:
        """Note that a model cannot be loaded for now; whether that is news."""
        before = self._waiting.get(stream)
        self._waiting[stream] = model
        return before != model

    def forget(self, stream: str) -> ServingModels | None:
        """Let go of a stream that was deleted, for good; the models that were in service."""
        self._deleted.add(stream)
        for of_streams in (self._first, self._newest, self._refused, self._waiting):
            of_streams.pop(stream, None)
        return self._serving.pop(stream, None)

    def streams(self) -> list[str]:
        """The streams that are served."""
        return list(self._serving)

    def learners(self) -> list[tuple[str, Learner]]:
        """What goes on learning, each with its stream."""
        return [
            (stream, learner)
            for stream, serving in self._serving.items()
            for arm in serving.arms
            if (learner := arm.model.learner) is not None
        ]

    def health_facts(self) -> dict[str, Any]:
        """By stream the epoch in force, how far was learnt, and which model is refused or waited for, and why."""
        return {
            "epochs": {stream: serving.epoch for stream, serving in self._serving.items()},
            "learnt_to": _learnt_to(self.learners()),
            "refused": {stream: _epoch_and_reason(model) for stream, model in self._refused.items()},
            "waiting": {stream: _epoch_and_reason(model) for stream, model in self._waiting.items()},
        }


def _previous_champion(before: ServingModels | None, champion: Arm) -> Arm | None:
    """The champion before this one, which may serve on in a new epoch."""
    if before is None:
        return None
    return before.previous_champion if before.champion is champion else before.champion


def _learnt_to(learners: list[tuple[str, Learner]]) -> dict[str, int]:
    """By stream the offset that its least advanced learner has learnt to."""
    offsets: dict[str, int] = {}
    for stream, learner in learners:
        offsets[stream] = min(learner.learnt_to, offsets.get(stream, learner.learnt_to))
    return offsets


def _epoch_and_reason(model: UnavailableModel) -> dict[str, Any]:
    return {"epoch": model.epoch, "reason": model.reason}
