"""Compares the stored results of a stream: the score of each column, ranks, and the recovery after a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bench.evaluation.cells import PENSTOCK, Cell, CellResult
from bench.evaluation.references.reference_catalog import REFERENCES
from bench.evaluation.streams import Stream

CALENDARS = tuple(name for name in REFERENCES if name.startswith("calendar") and not name.endswith("lags"))
CALENDARS_WITH_LAGS = tuple(name for name in REFERENCES if name.startswith("calendar") and name.endswith("lags"))

COLUMNS: Mapping[str, Sequence[str]] = {
    "last known": ("last",),
    "static": ("static",),
    "calendar": CALENDARS,
    "calendar, lags": CALENDARS_WITH_LAGS,
    "adaptive tree": ("tree",),
    "adaptive forest": ("forest",),
    "forest, lags": ("forest-lags",),
}
"""The columns of the table before Penstock's, and the references of which each shows the best."""

OURS = "Penstock"
SYNTHETIC_REFERENCES = ("static", "calendar", "adaptive forest")
"""The columns that Penstock is compared with on synthetic streams."""

SPAN = 1000  # rows over which scores after a change are compared
POINT = 0.01  # of accuracy; of an error, that share of it


@dataclass(frozen=True)
class StreamComparison:
    """A stream's results: the best reference of each column, and Penstock's by seed; missing results are left out."""

    stream: Stream
    references: Mapping[str, CellResult]
    ours: Sequence[CellResult]

    @property
    def higher_is_better(self) -> bool:
        """Whether the score is an accuracy."""
        results = [*self.references.values(), *self.ours]
        return not results or results[0]["metric"] == "accuracy"

    @property
    def median_seed(self) -> CellResult | None:
        """Penstock's result of the seed with the median score."""
        by_score = sorted(self.ours, key=lambda result: result["score"])
        return by_score[(len(by_score) - 1) // 2] if by_score else None

    def scores(self) -> dict[str, float]:
        """The score of each column that has one."""
        scores = {column: float(result["score"]) for column, result in self.references.items()}
        return scores | ({OURS: median(result["score"] for result in self.ours)} if self.ours else {})

    def advantage(self, over: float, of: float) -> float:
        """How much better the score `of` is than `over`: in accuracy, or as a share of the error `over`."""
        return of - over if self.higher_is_better else (over - of) / over

    def best_reference(self) -> CellResult | None:
        """The best of `SYNTHETIC_REFERENCES`."""
        results = [self.references[column] for column in SYNTHETIC_REFERENCES if column in self.references]
        return _best(results) if results else None


def compare_stream(
    stream: Stream, seeds: Sequence[int], rows: int | None, predictor: str = PENSTOCK
) -> StreamComparison:
    """Load the results of a stream; `predictor` names Penstock's policy."""
    references = {}
    for column, names in COLUMNS.items():
        results = [result for name in names if (result := Cell(stream, name, rows=rows).load())]
        if results:
            references[column] = _best(results)
    ours = [result for seed in seeds if (result := Cell(stream, predictor, seed, rows).load())]
    return StreamComparison(stream, references, [result for result in ours if result["score"] is not None])


def _best(results: Sequence[CellResult]) -> CellResult:
    sign = 1 if results[0]["metric"] == "accuracy" else -1
    return max(results, key=lambda result: sign * result["score"])


def ranks(scores: Mapping[str, float], *, higher_is_better: bool) -> dict[str, float]:
    """The rank of each, 1 the best; equal scores share the mean of their ranks.

    >>> ranks({"a": 0.7, "b": 0.9, "c": 0.7}, higher_is_better=True)
    {'a': 2.5, 'b': 1.0, 'c': 2.5}
    """
    sign = -1 if higher_is_better else 1
    ordered = sorted(sign * score for score in scores.values())
    return {
        name: fmean(rank for rank, other in enumerate(ordered, 1) if other == sign * score)
        for name, score in scores.items()
    }


def mean_ranks(comparisons: Sequence[StreamComparison]) -> tuple[dict[str, float], int]:
    """The mean rank of every column over the streams in which all columns have a score, and the number of these."""
    columns = [*COLUMNS, OURS]
    stream_ranks = [
        ranks(comparison.scores(), higher_is_better=comparison.higher_is_better)
        for comparison in comparisons
        if set(comparison.scores()) == set(columns)
    ]
    if not stream_ranks:
        return {}, 0
    return {column: fmean(by_column[column] for by_column in stream_ranks) for column in columns}, len(stream_ranks)


def recovery(comparison: StreamComparison, change_row: int, until: int) -> int | None:
    """Rows after a change until Penstock is within a point of the best reference over the following `SPAN` rows.

    Counted in whole blocks of rows; None when that is never before row `until`, or a result is missing.
    """
    ours, best = comparison.median_seed, comparison.best_reference()
    if ours is None or best is None:
        return None
    our_scores, best_scores = _scores_by_row(ours), _scores_by_row(best)
    for row in sorted(row for row in our_scores if change_row <= row < until):
        span = [other for other in our_scores if row <= other < min(row + SPAN, until) and other in best_scores]
        over, of = fmean(best_scores[block] for block in span), fmean(our_scores[block] for block in span)
        if round(comparison.advantage(over, of), 6) >= -POINT:
            return row - change_row
    return None


def _scores_by_row(result: CellResult) -> dict[int, float]:
    return {block["row"]: block["score"] for block in result["progress"] if block["score"] is not None}
