"""Whether people are to know what came of a stream's trainings: decisions on the newest of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from penstock.contracts.alert_kinds import AlertKind
from penstock.contracts.records.training import Skew

KEPT_BACK_RUNS = 3  # in a row, from which on somebody should look at the gates
MOST_SKEWED = 0.01  # share of predictions made from other lag features than the log gives, before people are alerted


class TrainingNews(NamedTuple):
    """What there is to tell: of a kind, that it began, or that it is over."""

    kind: AlertKind
    is_over: bool


def training_news(outcomes: Sequence[str]) -> list[TrainingNews]:
    """What the newest training's end tells; `outcomes` are those of the stream, the newest first.

    `failed` is a run that failed, any other is what was decided about its candidate.

    >>> [str(news.kind) for news in training_news(["kept_back", "kept_back", "kept_back", "promoted"])]
    ['kept-back']
    """
    newest, earlier = outcomes[0], outcomes[1:]
    news = []
    if newest == "failed":
        news.append(TrainingNews(AlertKind.TRAINING_FAILED, is_over=False))
    elif earlier[:1] == ["failed"]:
        news.append(TrainingNews(AlertKind.TRAINING_FAILED, is_over=True))
    before = _kept_back(earlier)
    if newest == "kept_back" and before == KEPT_BACK_RUNS - 1:
        news.append(TrainingNews(AlertKind.KEPT_BACK, is_over=False))
    elif newest not in ("kept_back", "failed") and before >= KEPT_BACK_RUNS:
        news.append(TrainingNews(AlertKind.KEPT_BACK, is_over=True))
    return news


def skew_news(skew: Skew, before: Skew | None) -> TrainingNews | None:
    """What the skew that a training measured tells, after the one that was measured before it."""
    if _is_excessive(skew):
        return TrainingNews(AlertKind.SKEW, is_over=False)
    if before is not None and _is_excessive(before):
        return TrainingNews(AlertKind.SKEW, is_over=True)
    return None


def _is_excessive(skew: Skew) -> bool:
    return skew.differing > MOST_SKEWED * skew.rows


def _kept_back(outcomes: Sequence[str]) -> int:
    """How many in a row were kept back, failures left out."""
    ended = [outcome for outcome in outcomes if outcome != "failed"]
    return len(list(takewhile(lambda outcome: outcome == "kept_back", ended)))
