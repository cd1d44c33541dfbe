"""What the kept outcomes say of a stream: each column's score, the ranks, and what generated streams ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bench.evaluation.cells import Cell, Outcome
from bench.evaluation.references import REFERENCES
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
"""The columns of the table before Penstock's, and of which references each shows the best."""

OURS = "Penstock"
BEST_OF = ("static", "calendar", "adaptive forest")
"""The references that Penstock is measured by on generated streams."""

SPAN = 1000  # rows over which the score after a change is compared
POINT = 0.01  # of accuracy; of an error, that share of it


@dataclass(frozen=True)
class Standing:
    """A stream's outcomes: the best reference of each column, and Penstock's by seed; what is missing is left out."""

    stream: Stream
    references: Mapping[str, Outcome]
    ours: Sequence[Outcome]

    @property
    def higher_is_better(self) -> bool:
        """Whether the score is an accuracy."""
        known = [*self.references.values(), *self.ours]
        return not known or known[0]["metric"] == "accuracy"

    @property
    def middle(self) -> Outcome | None:
        """Penstock's outcome of the middle seed."""
        ranked = sorted(self.ours, key=lambda outcome: outcome["score"])
        return ranked[(len(ranked) - 1) // 2] if ranked else None

    def scores(self) -> dict[str, float]:
        """The score of each column that has one."""
        found = {column: float(outcome["score"]) for column, outcome in self.references.items()}
        return found | ({OURS: median(outcome["score"] for outcome in self.ours)} if self.ours else {})

    def lead(self, over: float, of: float) -> float:
        """How much better one score is than another: in accuracy, or as a share of the other error."""
        return of - over if self.higher_is_better else (over - of) / over

    def best_reference(self) -> Outcome | None:
        """The best of those that Penstock is measured by."""
        known = [self.references[column] for column in BEST_OF if column in self.references]
        return _best(known) if known else None


def standing(stream: Stream, seeds: Sequence[int], rows: int | None, way: str = "penstock") -> Standing:
    """What there is of a stream; `way` says under which policy Penstock answered."""
    references = {}
    for column, names in COLUMNS.items():
        known = [found for name in names if (found := Cell(stream, name, rows=rows).kept())]
        if known:
            references[column] = _best(known)
    ours = [found for seed in seeds if (found := Cell(stream, way, seed, rows).kept())]
    return Standing(stream, references, [found for found in ours if found["score"] is not None])


def _best(outcomes: Sequence[Outcome]) -> Outcome:
    sign = 1 if outcomes[0]["metric"] == "accuracy" else -1
    return max(outcomes, key=lambda outcome: sign * outcome["score"])


def ranks(scores: Mapping[str, float], *, higher_is_better: bool) -> dict[str, float]:
    """The rank of each, 1 the best; equal ones share theirs.

    >>> ranks({"a": 0.7, "b": 0.9, "c": 0.7}, higher_is_better=True)
    {'a': 2.5, 'b': 1.0, 'c': 2.5}
    """
    sign = -1 if higher_is_better else 1
    places = sorted(sign * score for score in scores.values())
    return {
        name: fmean(place for place, score in enumerate(places, 1) if score == sign * own)
        for name, own in scores.items()
    }


def mean_ranks(standings: Sequence[Standing]) -> tuple[dict[str, float], int]:
    """The mean rank of every column over the streams where all of them have a score, and how many those are."""
    columns = [*COLUMNS, OURS]
    ranked = [
        ranks(found.scores(), higher_is_better=found.higher_is_better)
        for found in standings
        if set(found.scores()) == set(columns)
    ]
    means = {column: fmean(own[column] for own in ranked) for column in columns} if ranked else {}
    return means, len(ranked)


def recovery(found: Standing, planted: int, until: int) -> int | None:
    """Rows after a change from which Penstock is within a point of the best reference, over the `SPAN` rows that follow.

    Counted in whole blocks of rows; None when it never is before row `until`, or something is missing.
    """
    ours, best = found.middle, found.best_reference()
    if ours is None or best is None:
        return None
    own, other = _scores_by_row(ours), _scores_by_row(best)
    for row in sorted(row for row in own if planted <= row < until):
        span = [each for each in own if row <= each < min(row + SPAN, until) and each in other]
        lead = found.lead(fmean(other[each] for each in span), fmean(own[each] for each in span))
        if round(lead, 6) >= -POINT:
            return row - planted
    return None


def _scores_by_row(outcome: Outcome) -> dict[int, float]:
    return {line["row"]: line["score"] for line in outcome["progress"] if line["score"] is not None}
