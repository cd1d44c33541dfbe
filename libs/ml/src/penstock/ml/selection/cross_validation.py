"""What contenders for a model are tried on: folds of the past in time order, late labels respected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.ml.features.encoding import TimePart
from penstock.ml.features.frame import Field, Frame
from penstock.ml.metrics import log_loss, losses, score
from penstock.ml.models.families import fit
from penstock.ml.models.model import Model, ModelOutput, Task
from penstock.ml.models.search_space import Settings, described
from penstock.ml.selection.folds import Fold

Tried = tuple[slice, ModelOutput]
"""Rows, and the answers to them by a model that had seen only rows before."""


@dataclass(frozen=True, slots=True, order=True)
class CandidateSpec:
    """A family, the row it learns from on, whether it is shown what was known (`lagged`), and what is set about it."""

    family: str
    start: int = 0
    lagged: bool = False
    settings: Settings = ()

    @property
    def name(self) -> str:
        """How records call it.

        >>> CandidateSpec("boosting", 100, lagged=True, settings=(("max_iter", 200),)).name
        'boosting (max_iter 200) with lags, rows from 100'
        """
        set_to = f" ({described(self.settings)})" if self.settings else ""
        return self.family + set_to + " with lags" * self.lagged + (f", rows from {self.start}" if self.start else "")


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came of one fold: the score, the log loss unless numbers were asked for, and the answers."""

    score: float
    log_loss: float | None
    tried: Tried


@dataclass(slots=True)
class Record:
    """What came of a contender's folds. `tried` may be empty: then its answers were not kept."""

    scores: list[float] = field(default_factory=list)
    log_losses: list[float] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)

    def take(self, result: Result) -> None:
        """Take in the next fold."""
        self.scores.append(result.score)
        self.tried.append(result.tried)
        if result.log_loss is not None:
            self.log_losses.append(result.log_loss)


@dataclass(frozen=True, slots=True)
class Judged:
    """The records of all that were tried to the end, why others `failed`, by name, and how many were given up early."""

    records: dict[CandidateSpec, Record]
    failed: dict[str, str] = field(default_factory=dict)
    pruned: int = 0


Judge = Callable[["CrossValidation"], Judged]


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Families, and n rows with their labels, tried fold by fold; `starts` and `lagged` multiply who contends.

    `classes` fixes the order of the classes, None for regression.
    """

    families: Sequence[str]
    frame: Frame
    labels: Sequence[Any]
    fields: Sequence[Field]
    task: Task
    splits: list[Fold]
    starts: tuple[int, ...] = (0,)
    lagged: Sequence[Field] = ()
    time_parts: Sequence[TimePart] = ()
    seed: int = 0
    classes: Sequence[str] | None = None

    @property
    def views(self) -> tuple[bool, ...]:
        """Without what was known, and with it where there is anything."""
        return (False, True) if self.lagged else (False,)

    @property
    def as_they_are(self) -> list[CandidateSpec]:
        """Every family on every start and view, with nothing set."""
        return [
            CandidateSpec(family, start, view)
            for family in self.families
            for start in self.starts
            for view in self.views
        ]

    def train(self, contender: CandidateSpec, before: slice) -> Model:
        """The contender's model of the rows up to the end of `before`."""
        rows = slice(contender.start, before.stop)
        shown = [*self.fields, *self.lagged] if contender.lagged else self.fields
        return fit(
            contender.family,
            self.frame.take(rows),
            self.labels[rows],
            shown,
            self.task,
            time_parts=self.time_parts,
            seed=self.seed,
            classes=self.classes,
            settings=contender.settings,
        )

    def test(self, contender: CandidateSpec, fold: Fold) -> Result:
        """Train on a fold's first rows and be judged on its last."""
        before, test = fold
        model = self.train(contender, before)
        answers = model.predict(self.frame.take(test))
        truth = self.labels[test]
        probabilities = answers.probabilities
        doubt = None if probabilities is None else log_loss(truth, probabilities, model.classes)
        return Result(score(self.task, losses(self.task, answers.values, truth)), doubt, (test, answers))

    def record(self, contender: CandidateSpec) -> Record:
        """All folds of a contender."""
        record = Record()
        for fold in self.splits:
            record.take(self.test(contender, fold))
        return record

    def tried_before(self, contender: CandidateSpec, earlier: list[Fold]) -> list[Tried]:
        """What a contender that learns from all rows answered earlier; nothing where it could not learn."""
        try:
            return [self.test(contender, fold).tried for fold in earlier]
        except Exception:  # whatever a learner raises on some early rows, it was judged on later ones
            return []


def each_as_it_is(contest: CrossValidation) -> Judged:
    """Every family as it is, nothing set; one that fails in a fold is left out with its reason."""
    records: dict[CandidateSpec, Record] = {}
    failed: dict[str, str] = {}
    for contender in contest.as_they_are:
        try:
            records[contender] = contest.record(contender)
        except Exception as error:  # whatever a learner raises, the others still run
            failed[contender.name] = reason_of(error)
    return Judged(records, failed)


def reason_of(error: Exception) -> str:
    """Why a contender was left out."""
    return f"{type(error).__name__}: {error}"
