"""Compares the stored results of a stream: the best reference of each kind, Penstock by seed, ranks, and recovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.evaluation.cells import PENSTOCK, Cell, CellResult
from bench.evaluation.paired_intervals import LARGER_IS_BETTER, block_means, shared_ranks
from bench.evaluation.references.reference_catalog import REFERENCES
from bench.evaluation.streams import Stream

CALENDARS = tuple(name for name in REFERENCES if name.startswith("calendar") and not name.endswith("lags"))
CALENDARS_WITH_LAGS = tuple(name for name in REFERENCES if name.startswith("calendar") and name.endswith("lags"))

COLUMNS: Mapping[str, Sequence[str]] = {
    "last known": ("last",),
    "static": ("static",),
    "linear": ("linear",),
    "calendar": CALENDARS,
    "calendar, lags": CALENDARS_WITH_LAGS,
    "Cara": ("cara",),
    "tree": ("tree",),
    "forest": ("forest",),
    "forest, lags": ("forest-lags",),
}
"""The columns of the table before Penstock's, and the references of which each shows the best."""

RIVALS: Mapping[str, Sequence[str]] = {
    "static": ("static",),
    "calendar": ("calendar", "calendar, lags"),
    "linear": ("linear",),
    "tree": ("tree",),
    "forest": ("forest", "forest, lags"),
}
"""What Penstock is ranked against, and the columns of which each is the best."""

OURS = "Penstock"
RETRAINED = ("static", "calendar-19-all", "calendar-46-all", "cara", "regol", "oracle")
"""The same learner on all known labels, trained at different times."""

SPAN = 1000  # rows over which scores after a change are compared
POINT = 0.01  # of accuracy; of an error, that share of it


@dataclass(frozen=True)
class StreamComparison:
    """A stream's results: the best reference of each column, Penstock's by seed, and `RETRAINED` by name.

    Missing results are left out. Penstock's may be of earlier code, unless `is_current`.
    """

    stream: Stream
    references: Mapping[str, CellResult]
    ours: Sequence[CellResult]
    retrained: Mapping[str, CellResult]
    is_current: bool = True

    @property
    def metric(self) -> str:
        """The objective that `stream init` declares."""
        results = [*self.ours, *self.references.values()]
        return str(results[0]["metric"]) if results else "accuracy"

    @property
    def plain_metric(self) -> str:
        """Accuracy, or the mean absolute error of numbers."""
        results = [*self.ours, *self.references.values()]
        return "mae" if results and "mae" in results[0]["metrics"] else "accuracy"

    @property
    def loss_metric(self) -> str:
        """What retraining is judged by."""
        return "mae" if self.plain_metric == "mae" else "log_loss"

    @property
    def median_seed(self) -> CellResult | None:
        """Penstock's result of the seed with the median score."""
        by_score = sorted(self.ours, key=lambda result: result["metrics"][self.metric])
        return by_score[(len(by_score) - 1) // 2] if by_score else None

    def scores(self, metric: str) -> dict[str, float]:
        """The score of each column that has one."""
        ours = self.median_seed
        results = {**self.references, **({OURS: ours} if ours else {})}
        return {column: float(result["metrics"][metric]) for column, result in results.items()}

    def advantage(self, over: float, of: float) -> float:
        """How much better the plain score `of` is than `over`: in accuracy, or as a share of the error `over`."""
        return of - over if self.plain_metric == "accuracy" else (over - of) / over

    def rivals(self) -> dict[str, CellResult]:
        """The best result of each rival that has one."""
        found = {
            rival: [self.references[column] for column in columns if column in self.references]
            for rival, columns in RIVALS.items()
        }
        return {rival: best(results, self.metric) for rival, results in found.items() if results}

    def ranks(self) -> dict[str, int] | None:
        """The ranks of the rivals and Penstock by the objective; None where one has no result."""
        ours, rivals = self.median_seed, self.rivals()
        return shared_ranks({**rivals, OURS: ours}, self.metric) if ours and len(rivals) == len(RIVALS) else None

    def best_rival(self) -> CellResult | None:
        """The best of the rivals."""
        rivals = list(self.rivals().values())
        return best(rivals, self.metric) if rivals else None


def compare_stream(
    stream: Stream, seeds: Sequence[int], rows: int | None, predictor: str = PENSTOCK
) -> StreamComparison:
    """Load the results of a stream; `predictor` names Penstock's policy."""
    stored = {name: result for name in REFERENCES if (result := Cell(stream, name, rows=rows).load())}
    references = {}
    for column, names in COLUMNS.items():
        results = [stored[name] for name in names if name in stored]
        if results:
            references[column] = best(results, results[0]["metric"])
    cells = [Cell(stream, predictor, seed, rows) for seed in seeds]
    ours = [result for cell in cells if (result := cell.last())]
    scored = [result for result in ours if result["metrics"].get(result["metric"]) is not None]
    is_current = all(cell.load() for cell in cells if cell.last())
    retrained = {name: stored[name] for name in RETRAINED if name in stored}
    return StreamComparison(stream, references, scored, retrained, is_current)


def best(results: Sequence[CellResult], metric: str) -> CellResult:
    """The result with the best score in the metric."""
    sign = 1 if metric in LARGER_IS_BETTER else -1
    return max(results, key=lambda result: sign * result["metrics"][metric])


def recovery(comparison: StreamComparison, change_row: int, until: int) -> int | None:
    """Rows after a change until Penstock is within a point of the best rival over the following `SPAN` rows.

    Counted in whole blocks of rows; None when that is never before row `until`, or a result is missing.
    """
    ours, rival = comparison.median_seed, comparison.best_rival()
    if ours is None or rival is None:
        return None
    our_scores = block_means(ours, comparison.plain_metric)
    rival_scores = block_means(rival, comparison.plain_metric)
    for row in sorted(row for row in our_scores if change_row <= row < until):
        span = [other for other in our_scores if row <= other < min(row + SPAN, until) and other in rival_scores]
        over, of = fmean(rival_scores[block] for block in span), fmean(our_scores[block] for block in span)
        if round(comparison.advantage(over, of), 6) >= -POINT:
            return row - change_row
    return None
