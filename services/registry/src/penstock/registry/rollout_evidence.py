"""What a rollout has shown so far: the losses of champion and challengers, summed over complete cohorts of answers."""

from __future__ import annotations

from math import sqrt

from pydantic import BaseModel, ConfigDict

from penstock.contracts.records.monitoring import CohortLosses, Statistics
from penstock.ml.metrics.confidence_sequences import Moments

EXTERNAL = -1  # stands for all versions of an external model: their numbers are below 0


class Losses(BaseModel):
    """The losses of one arm, or differences: their number, mean, and sum of squared deviations from it."""

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
    """What champion and challengers lost, in units of `loss`.

    `champion` and `challengers`, by version, are the losses of the answers that each gave since the present step
    began: other shares mean other events, so each step is judged by itself. `pairs` are, by version, the differences
    on the same events since the rollout began, with epoch `since`. `outcomes` is how many outcomes there were in all
    since then; blocks of outcomes before offset `upto` are counted already.
    """

    model_config = ConfigDict(frozen=True)

    champion: Losses = Losses()
    challengers: dict[int, Losses] = {}
    pairs: dict[int, Losses] = {}
    loss: str = ""
    since: int = 0
    outcomes: int = 0
    upto: int = 0

    def losses_of(self, version: int) -> Losses:
        """The losses of a challenger, empty before its first answer."""
        return self.challengers.get(version, Losses())

    def pairs_of(self, version: int) -> Losses:
        """The differences of a challenger to the champion on the same events."""
        return self.pairs.get(version, Losses())

    def is_paired(self, version: int) -> bool:
        """Whether more events tell of both models than the challenger answered: then they decide."""
        return self.pairs_of(version).answers > self.losses_of(version).answers

    def with_block(self, block: Statistics, champion: int, challengers: frozenset[int], step_epoch: int) -> Evidence:
        """With the losses that a block states of answers by these versions, given since the step began.

        The champion `EXTERNAL` stands for all versions of an external model.

        If the objective has changed, and losses are in other units, all before is dropped.
        """
        cohorts = [cohort for cohort in block.cohorts if cohort.epoch >= self.since]
        loss = cohorts[0].losses.loss if cohorts else self.loss
        evidence = self if loss == self.loss else Evidence(since=self.since, outcomes=self.outcomes)
        for cohort in cohorts:
            if cohort.role == "shadow":
                evidence = evidence._with_pairs(cohort, champion, challengers)
            elif cohort.epoch >= step_epoch:
                evidence = evidence._with_answers(cohort, champion, challengers)
        return evidence.model_copy(update={"loss": loss, "outcomes": self.outcomes + block.joined, "upto": block.stop})

    def _with_answers(self, cohort: CohortLosses, champion: int, challengers: frozenset[int]) -> Evidence:
        version, moments = max(cohort.version, EXTERNAL), _moments(cohort)
        if version == champion:
            return self.model_copy(update={"champion": self.champion.plus(moments)})
        if version not in challengers:
            return self
        return self.model_copy(
            update={"challengers": self.challengers | {version: self.losses_of(version).plus(moments)}}
        )

    def _with_pairs(self, cohort: CohortLosses, champion: int, challengers: frozenset[int]) -> Evidence:
        """Where the challenger answered and the champion was its shadow, the difference is the reverse."""
        version, moments = max(cohort.version, EXTERNAL), _moments(cohort)
        against = None if cohort.against is None else max(cohort.against, EXTERNAL)
        if version == champion and against in challengers:
            version, moments = against, Moments(moments.n, -moments.mean, moments.squares)
        elif against != champion or version not in challengers:
            return self
        return self.model_copy(update={"pairs": self.pairs | {version: self.pairs_of(version).plus(moments)}})

    def for_next_step(self) -> Evidence:
        """Without the losses of the step that ends; pairs stay: they are of the same events whatever the shares."""
        return self.model_copy(update={"champion": Losses(), "challengers": {}})

    @property
    def loss_scale(self) -> float:
        """The scale of a loss: 1 for a class, the standard deviation within the arms for a number."""
        if self.loss == "error":
            return 1.0
        arms = [self.champion, *self.challengers.values()]
        return sqrt(sum(arm.squares for arm in arms) / max(1, sum(arm.answers for arm in arms)))


def _moments(cohort: CohortLosses) -> Moments:
    return Moments(cohort.losses.rows, cohort.losses.mean, cohort.losses.squares)
