"""How good the answers of a stream were: by model version, and by slice; from the statistics on the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.bus.follower import TopicFollower
from penstock.bus.ports import Log
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import ArmLosses, SliceLosses, Statistics
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import MODELS, STATISTICS, TRAINING_RUNS, Topic
from penstock.ml.metrics.confidence_sequences import Moments
from penstock.ml.metrics.fairness import Counts, demographic_parity_difference, equalised_odds_difference
from penstock.ml.metrics.intervals import Interval, wilson

FEWEST = 30  # rows of a slice before its rates are compared with others'


@dataclass(frozen=True)
class Judged:
    """Losses that were added up, and of a binary stream what was answered to what was true."""

    moments: Moments = field(default_factory=Moments)
    counts: Counts = field(default_factory=Counts)

    def with_more(self, more: ArmLosses | SliceLosses) -> Judged:
        """With a further block's."""
        confusion = more.confusion if isinstance(more, SliceLosses) else None
        counts = Counts(**confusion.model_dump()) if confusion is not None else Counts()
        return Judged(self.moments + Moments(more.answers, more.mean, more.squares), self.counts + counts)

    def score(self, metric: str) -> tuple[float, Interval]:
        """Accuracy or mean absolute error, and its 95 % interval."""
        n, mean = self.moments.n, self.moments.mean
        if metric == "accuracy":
            return 1 - mean, wilson(1 - mean, n)
        half = 1.96 * (self.moments.squares / max(1, n - 1) / n) ** 0.5
        return mean, Interval(mean - half, mean + half)


@dataclass(frozen=True)
class Quality:
    """A stream's answers, judged: by version, and by field and value of its slices.

    `promised` is what each version scored on its holdout, before it served.
    """

    metric: str
    blocks: int
    versions: dict[int, Judged]
    slices: dict[tuple[str, str], Judged]
    promised: dict[int, float] = field(default_factory=dict)

    def fairness(self) -> dict[str, dict[str, float]]:
        """By sliced field how far the rates of its groups lie apart."""
        groups: dict[str, list[Counts]] = defaultdict(list)
        for (name, _), judged in self.slices.items():
            if judged.counts.rows >= FEWEST:
                groups[name].append(judged.counts)
        return {
            name: {
                "demographic_parity_difference": demographic_parity_difference(counts),
                "equalised_odds_difference": equalised_odds_difference(counts),
            }
            for name, counts in groups.items()
            if len(counts) > 1
        }


async def read_quality(log: Log, namespace: str, stream: str, last: int | None = None) -> Quality | None:
    """What the log tells now, of the `last` blocks if given; None before the first block is judged."""
    told = _Told(stream)
    topics: tuple[Topic[Any], ...] = (STATISTICS, TRAINING_RUNS, MODELS)
    for topic in topics:
        follower = TopicFollower(log, namespace, topic, told.take)
        await follower.start()
        await follower.close()
    blocks = [told.blocks[start] for start in sorted(told.blocks)][-(last or len(told.blocks)) :]
    return quality_of(blocks, told.promised()) if blocks else None


class _Told:
    """What the log tells of one stream."""

    def __init__(self, stream: str) -> None:
        self.blocks: dict[int, Statistics] = {}
        self._stream = stream
        self._scores: dict[str, float] = {}
        self._runs: dict[int, str] = {}

    def take(self, record: Statistics | TrainingRun | ModelEpoch) -> None:
        """Take a record in; of a block the most mature one counts."""
        match record:
            case Statistics(stream=self._stream):
                known = self.blocks.get(record.start, record)
                self.blocks[record.start] = max(known, record, key=_maturity)
            case TrainingRun(stream=self._stream) if record.evaluation is not None:
                self._scores[record.request] = record.evaluation.candidate.value
            case ModelEpoch(stream=self._stream):
                self._note(record)

    def promised(self) -> dict[int, float]:
        """What each version scored on its holdout."""
        return {version: self._scores[run] for version, run in self._runs.items() if run in self._scores}

    def _note(self, epoch: ModelEpoch) -> None:
        tried = () if epoch.rollout is None else epoch.rollout.challengers
        for version in (epoch.champion, *(challenger.model for challenger in tried)):
            if version.run is not None:
                self._runs[version.version] = version.run


def quality_of(blocks: Sequence[Statistics], promised: dict[int, float] | None = None) -> Quality:
    """The blocks, added up."""
    arms = ((arm.version, arm) for block in blocks for arm in block.arms if arm.role != "shadow")
    slices = (((one.field, one.value), one) for block in blocks for one in block.slices)
    return Quality(blocks[-1].metric, len(blocks), _added_up(arms), _added_up(slices), promised or {})


def _added_up(parts: Iterable[tuple[Any, ArmLosses | SliceLosses]]) -> dict[Any, Judged]:
    found: dict[Any, Judged] = {}
    for key, part in parts:
        found[key] = found.get(key, Judged()).with_more(part)
    return dict(sorted(found.items()))


def _maturity(block: Statistics) -> tuple[bool, int]:
    return block.clock == "matured", block.revised
