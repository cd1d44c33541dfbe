"""The time of one champion, over all of its epochs in a row: what it has lost so far, by both clocks."""

from __future__ import annotations

import msgspec
import numpy as np
from msgspec import Struct

from penstock.contracts.records.losses import LossMoments
from penstock.drift_detector.drift.cohorts import Cohorts
from penstock.drift_detector.drift.labelled_answers import Flags, LabelledAnswers
from penstock.ml.drift.loss_sums import LossSums
from penstock.ml.drift.shortfall import MIN_CASES, joint_log_evidence, log_evidence
from penstock.ml.metrics.confidence_sequences import Moments

FIRST_ANSWERS = 250  # of what has no holdout: it is judged against what it lost at first
CHECK_GROWTH = 50  # a test after each outcome at first, later one each time that there are a fiftieth more


class Tenure(Struct):
    """A champion's epochs in a row, from the epoch `since` up to `epoch`.

    `at_once` are its losses as labels came, `matured` those of cohorts whose labels are complete. `without_loss` are
    outcomes of earlier champions' answers that came in between. `first` are the first losses of a baseline, or of an
    external model, which has no holdout either. The next test is due at `next_check` losses; after an `alarm` there is
    none. `external` are the external versions of late, this one among them; `name` is how people know the champion.
    """

    version: int = -1
    since: int = 0
    epoch: int = -1
    loss: str = ""
    is_baseline: bool = False
    alarm: bool = False
    next_check: int = MIN_CASES
    first: LossSums = msgspec.field(default_factory=LossSums)
    at_once: LossSums = msgspec.field(default_factory=LossSums)
    without_loss: LossSums = msgspec.field(default_factory=LossSums)
    matured: LossSums = msgspec.field(default_factory=LossSums)
    cohorts: Cohorts = msgspec.field(default_factory=Cohorts)
    external: list[int] = []
    name: str = ""

    def answers(self, rows: LabelledAnswers) -> Flags:
        """Which of the rows are this champion's answers of this time."""
        return np.asarray(rows.from_champion & (rows.versions == self.version) & (rows.epochs >= self.since))

    @property
    def has_no_holdout(self) -> bool:
        """Whether it is judged against what it lost at first."""
        return self.is_baseline or self.version < 0

    @property
    def due_in(self) -> int:
        """After how many more answers of the champion there is something to do."""
        if self.has_no_holdout and self.first.n < FIRST_ANSWERS:
            return FIRST_ANSWERS - self.first.n
        return self.next_check - self.at_once.n

    def add(self, rows: LabelledAnswers, horizon: float) -> None:
        """Add rows with at most `due_in` answers of the champion; `horizon` is in seconds."""
        is_mine = self.answers(rows)
        mine = rows.take(is_mine)
        self.epoch = max(self.epoch, int(mine.epochs.max(initial=-1)))
        if self.has_no_holdout and self.first.n < FIRST_ANSWERS:
            self.first.add_all(mine.losses, mine.groups)
            return
        began = (np.cumsum(is_mine) > 0) | (self.at_once.n > 0)
        late = rows.take(began & (rows.epochs < self.since))
        self.without_loss.add_all(np.zeros(len(late)), late.groups)
        self.at_once.add_all(mine.losses, mine.groups)
        self.cohorts.add(mine.times, mine.losses, mine.groups, horizon)
        self.cohorts.advance(rows.times)

    def schedule_check(self) -> None:
        """Set when the next test is due."""
        n = self.at_once.n
        self.next_check = max(n + max(n // CHECK_GROWTH, 1), MIN_CASES)

    def reference(self, holdout: LossMoments | None) -> Moments | None:
        """What the champion is judged against: its holdout by the same loss, of a baseline its first answers."""
        if self.has_no_holdout:
            return self.first.moments()
        if holdout is None or holdout.loss != self.loss:
            return None
        return Moments(holdout.rows, holdout.mean, holdout.squares)

    def evidence(self, reference: Moments) -> tuple[float, Moments]:
        """The logarithm of the evidence of both clocks, and the losses by the one that has more of it."""
        at_once = log_evidence((self.at_once + self.without_loss).moments(), reference)
        matured = log_evidence(self.matured.moments(), reference)
        live = self.matured if matured > at_once else self.at_once
        return joint_log_evidence(at_once, matured), live.moments()
