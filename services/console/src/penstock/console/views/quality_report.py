"""The quality of a stream's predictions, by model version and by slice, added up from the statistics on the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.bus.ports import Log
from penstock.console.log_client import read_control_topic
from penstock.console.views.objective_quality import ObjectiveQuality, objective_quality
from penstock.contracts.first_by_offset import FirstByOffset
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import ArmLosses, SliceLosses, Statistics
from penstock.contracts.records.predictions import version_name
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import MODELS, STATISTICS, TRAINING_RUNS, Topic
from penstock.ml.metrics.confidence_sequences import Moments
from penstock.ml.metrics.fairness import ConfusionCounts, demographic_parity_difference, equalised_odds_difference
from penstock.ml.metrics.intervals import Interval, wilson

MIN_ROWS = 30  # of a slice, before its rates are compared with those of other slices
TOPICS: tuple[Topic[Any], ...] = (STATISTICS, TRAINING_RUNS, MODELS)


@dataclass(frozen=True)
class LossSummary:
    """The losses of many predictions; of a binary stream also the counts of its confusion matrix.

    `by_objective`: those of a version by the loss that the objective names, as far as they are known.
    """

    moments: Moments = field(default_factory=Moments)
    counts: ConfusionCounts = field(default_factory=ConfusionCounts)
    by_objective: Moments = field(default_factory=Moments)

    def with_block(self, losses: ArmLosses | SliceLosses) -> LossSummary:
        """The summary with the losses of one more outcome block."""
        confusion = losses.confusion if isinstance(losses, SliceLosses) else None
        counts = ConfusionCounts(**confusion.model_dump()) if confusion is not None else ConfusionCounts()
        moments = Moments(losses.answers, losses.mean, losses.squares)
        lost = losses.by_objective if isinstance(losses, ArmLosses) else None
        by_objective = Moments() if lost is None else Moments(lost.rows, lost.mean, lost.squares)
        return LossSummary(self.moments + moments, self.counts + counts, self.by_objective + by_objective)

    def score(self, metric: str) -> tuple[float, Interval]:
        """Accuracy or mean absolute error with its 95 % interval (Wilson's for the accuracy)."""
        n, mean = self.moments.n, self.moments.mean
        if metric == "accuracy":
            return 1 - mean, wilson(1 - mean, n)
        half = 1.96 * (self.moments.squares / max(1, n - 1) / n) ** 0.5
        return mean, Interval(mean - half, mean + half)


@dataclass(frozen=True)
class QualityReport:
    """Losses by model version, and by field and value of the declared slices, over `blocks` outcome blocks.

    `holdout_scores` is what each version scored on its holdout, before it served, `scores` that of each block.
    `objective` is the quality by the objective that is declared now; None: there is none. `models` are the names of
    external versions.
    """

    metric: str
    blocks: int
    versions: dict[int, LossSummary]
    slices: dict[tuple[str, str], LossSummary]
    holdout_scores: dict[int, float] = field(default_factory=dict)
    scores: Sequence[float | None] = ()
    objective: ObjectiveQuality | None = None
    models: dict[int, str] = field(default_factory=dict)

    def version_name(self, version: int) -> str:
        """One of the versions as people know it."""
        return version_name(self.models.get(version, ""), version)

    def fairness(self) -> dict[str, dict[str, float]]:
        """For each sliced field, how far the rates of its groups lie apart."""
        groups: dict[str, list[ConfusionCounts]] = defaultdict(list)
        for (name, _), summary in self.slices.items():
            if summary.counts.rows >= MIN_ROWS:
                groups[name].append(summary.counts)
        return {
            name: {
                "demographic_parity_difference": demographic_parity_difference(counts),
                "equalised_odds_difference": equalised_odds_difference(counts),
            }
            for name, counts in groups.items()
            if len(counts) > 1
        }


async def read_quality(log: Log, namespace: str, stream: str, last: int | None = None) -> QualityReport | None:
    """The quality of a stream as the log has it now.

    Args:
        log: where to read.
        namespace: of the topics.
        stream: the name of the stream.
        last: how many of the newest outcome blocks count; None: all.

    Returns:
        The report, or None before the first block.
    """
    records = _StreamRecords(stream)
    for topic in TOPICS:
        await read_control_topic(log, namespace, topic, records.apply)
    blocks = records.blocks()[-(last or 0) :]
    return quality_of(blocks, records.holdout_scores()) if blocks else None


def quality_of(blocks: Sequence[Statistics], holdout_scores: dict[int, float] | None = None) -> QualityReport:
    """The statistics of outcome blocks, added up."""
    arms = (
        (arm.version, _of_one_loss(arm, blocks[-1])) for block in blocks for arm in block.arms if arm.role != "shadow"
    )
    slices = (((losses.field, losses.value), losses) for block in blocks for losses in block.slices)
    scores = [block.score for block in blocks]
    summaries, objective = (_summaries(arms), _summaries(slices)), objective_quality(blocks)
    models = {version: name for block in blocks for version, name in block.models.items()}
    return QualityReport(blocks[-1].metric, len(blocks), *summaries, holdout_scores or {}, scores, objective, models)


class _StreamRecords:
    """The records of one stream that bear on its quality."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._blocks: dict[int, Statistics] = {}
        self._score_by_request: FirstByOffset[str, float] = FirstByOffset()
        self._request_by_version: FirstByOffset[int, str] = FirstByOffset()

    def apply(self, record: Statistics | TrainingRun | ModelEpoch) -> None:
        """Add a record; the most mature statistics of a block count."""
        match record:
            case Statistics(stream=self._stream):
                earlier = self._blocks.get(record.start, record)
                self._blocks[record.start] = max(earlier, record, key=_maturity)
            case TrainingRun(stream=self._stream) if record.evaluation is not None:
                self._score_by_request.add(record.request, record.evaluation.candidate.value)
            case ModelEpoch(stream=self._stream):
                self._add_versions(record)

    def blocks(self) -> list[Statistics]:
        """The statistics by block, in order."""
        return [self._blocks[start] for start in sorted(self._blocks)]

    def holdout_scores(self) -> dict[int, float]:
        """What each version scored on its holdout."""
        scores = self._score_by_request
        return {version: scores[request] for version, request in self._request_by_version.items() if request in scores}

    def _add_versions(self, epoch: ModelEpoch) -> None:
        challengers = () if epoch.rollout is None else epoch.rollout.challengers
        for version in (epoch.champion, *(challenger.model for challenger in challengers)):
            if version.run is not None:
                self._request_by_version.add(version.version, version.run)


def _summaries(losses_by_key: Iterable[tuple[Any, ArmLosses | SliceLosses]]) -> dict[Any, LossSummary]:
    summaries: dict[Any, LossSummary] = {}
    for key, losses in losses_by_key:
        summaries[key] = summaries.get(key, LossSummary()).with_block(losses)
    return dict(sorted(summaries.items()))


def _of_one_loss(arm: ArmLosses, newest: Statistics) -> ArmLosses:
    """The losses of an arm, without those by another objective than the newest block's."""
    name = newest.objective.loss.loss if newest.objective and newest.objective.loss else None
    if arm.by_objective is None or arm.by_objective.loss == name:
        return arm
    return arm.model_copy(update={"by_objective": None})


def _maturity(block: Statistics) -> tuple[bool, int]:
    return block.clock == "matured", block.revised
