"""The models that serve one stream under one epoch."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.contracts.records.models import Challenger, ModelEpoch, ModelVersion, RolloutStep
from penstock.ml.models.baseline import BASELINE
from penstock.server.models.arm import Arm
from penstock.server.models.circuit_breaker import CircuitBreaker


@dataclass(frozen=True, slots=True, eq=False)
class ServingModels:
    """Champion and challengers of the epoch in force. A request or batch takes one reference and keeps it to its end.

    `breakers` hold the challengers, in the order of the record's rollout. `previous_champion` served before. It takes
    over under the same epoch when the champion's outputs cannot be used; then `champion` is not the one of `record`.
    """

    record: ModelEpoch
    champion: Arm
    breakers: tuple[CircuitBreaker, ...] = ()
    previous_champion: Arm | None = None

    @property
    def epoch(self) -> int:
        """The number of the epoch."""
        return self.record.epoch

    @property
    def rollout(self) -> RolloutStep | None:
        """The step of the rollout that this epoch is."""
        return self.record.rollout

    @property
    def is_baseline(self) -> bool:
        """Whether the champion is the baseline, which is no trained model."""
        return self.champion.model.family == BASELINE

    @property
    def arms(self) -> list[Arm]:
        """The champion, and the challengers whose model may serve."""
        return [self.champion, *(breaker.arm for breaker in self.breakers if breaker.arm is not None)]

    def breaker_of(self, rollout: RolloutStep | None, challenger: Challenger) -> CircuitBreaker | None:
        """The challenger's circuit breaker if this is an earlier step of the same rollout."""
        if self.rollout is None or rollout is None or self.rollout.id != rollout.id:
            return None
        versions = (challenger.model.version for challenger in self.rollout.challengers)
        return dict(zip(versions, self.breakers, strict=True)).get(challenger.model.version)

    def champion_of(self, version: ModelVersion) -> Arm | None:
        """The champion, now or before, of exactly this version, signature and all; None when it is not loaded."""
        loaded = [self.champion, *([] if self.previous_champion is None else [self.previous_champion])]
        return next((arm for arm in loaded if arm.version == version), None)
