"""What a rollout has shown so far: the losses of champion and challengers, summed over blocks of outcomes."""

from __future__ import annotations

from math import sqrt

from pydantic import BaseModel, ConfigDict

from penstock.contracts.records.monitoring import Statistics
from penstock.ml.metrics.confidence_sequences import Moments


class Losses(BaseModel):
    """The losses of one arm: their number, mean, and sum of squared deviations from it.

    Of a shadow: of the differences to the champion's losses on the same events.
    """

    model_config = ConfigDict(frozen=True)

    answers: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @property
    def moments(self) -> Moments:
        """The same, as the statistics of `penstock.ml` take it."""
        return Moments(self.answers, self.mean, self.squares)

    def plus(self, moments: Moments) -> Losses:
        """With the losses of one more block."""
        total = self.moments + moments
        return Losses(answers=total.n, mean=total.mean, squares=total.squares)


class Evidence(BaseModel):
    """Losses since the present step began, challengers by version; and all `outcomes` since the rollout began.

    Blocks of outcomes before offset `upto` are counted already.
    """

    model_config = ConfigDict(frozen=True)

    champion: Losses = Losses()
    challengers: dict[int, Losses] = {}
    outcomes: int = 0
    upto: int = 0

    def losses_of(self, version: int) -> Losses:
        """The losses of a challenger, empty before its first answer."""
        return self.challengers.get(version, Losses())

    def with_block(self, block: Statistics, champion: int, challengers: frozenset[int]) -> Evidence:
        """With the losses that a block states for these versions; others do not count."""
        champion_losses, challenger_losses = self.champion, dict(self.challengers)
        for arm in block.arms:
            moments = Moments(arm.answers, arm.mean, arm.squares)
            if arm.role == "champion" and arm.version == champion:
                champion_losses = champion_losses.plus(moments)
            elif arm.version in challengers:
                challenger_losses[arm.version] = challenger_losses.get(arm.version, Losses()).plus(moments)
        return Evidence(
            champion=champion_losses,
            challengers=challenger_losses,
            outcomes=self.outcomes + block.joined,
            upto=block.stop,
        )

    def for_next_step(self) -> Evidence:
        """Without the losses so far: other shares mean other events, so each step is judged by itself."""
        return Evidence(outcomes=self.outcomes, upto=self.upto)

    def loss_scale(self, metric: str) -> float:
        """The scale of a loss: 1 for a class, the standard deviation within the arms for a number."""
        if metric != "mae":
            return 1.0
        arms = [self.champion, *self.challengers.values()]
        return sqrt(sum(arm.squares for arm in arms) / max(1, sum(arm.answers for arm in arms)))
