"""The quality of a stream's newest answers on two clocks: matured where labels are all there, provisional elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.metrics import primary_metric
from penstock.registry.quality.answers import Answer, Answers
from penstock.registry.quality.estimates import ScoreEstimates
from penstock.registry.quality.figures import Figures, figures_of
from penstock.registry.quality.groups import Group, group_names
from penstock.registry.quality.label_lateness import matured_until, observed_lateness

SMALLEST_WINDOW = 100  # answers
MOST_MATURED_WINDOWS = 10
MOST_PROVISIONAL_WINDOWS = 5


class Window(Figures):
    """The figures of consecutive answers in the order of event time."""

    clock: Literal["matured", "provisional"]


class GroupFigures(BaseModel):
    """The figures of the answers with these values, one for each field that they are grouped by."""

    model_config = ConfigDict(frozen=True)

    values: tuple[str, ...]
    matured: Figures
    provisional: Figures


class QualityReport(BaseModel):
    """How good a stream's newest answers are.

    Answers to events up to `matured_until` are `matured`: by the observed lateness of labels (seconds, null without
    one), or past the declared horizon (seconds), their labels are almost all there. Later ones are `provisional`: those
    of one class may come sooner than others. `windows` are both, in order of event time, each of as many
    answers; `groups` are both by the fields named in `by`, the largest first.

    `metric` is what estimates are of, and `estimate_error` how far those of matured windows were off. `complete_from`:
    of answers to earlier events only those are known whose outcome is new (null: all are known).
    """

    model_config = ConfigDict(frozen=True)

    stream: str
    metric: Literal["accuracy", "mae"]
    label_horizon: float
    label_lateness: float | None
    matured_until: datetime | None
    complete_from: datetime | None
    estimate_error: float | None
    matured: Figures
    provisional: Figures
    windows: list[Window]
    by: tuple[str, ...]
    groups: list[GroupFigures]


def quality_report(
    declaration: Declaration, found: Answers, by: Sequence[str] = (), since: datetime | None = None
) -> QualityReport:
    """The report of answers.

    Args:
        declaration: of their stream.
        found: the answers.
        by: what to group them by, as `check_grouping` takes it.
        since: the event time from which on answers count; None: all do.
    """
    horizon = declaration.label.horizon
    lateness = observed_lateness(found.answers)
    until = matured_until(found.answers, lateness, horizon)
    matured, provisional = _split(found, until, since)
    estimates = ScoreEstimates(declaration)
    windows = _windows(declaration, estimates, matured, provisional)
    return QualityReport(
        stream=declaration.name,
        metric=primary_metric(declaration.task),
        label_horizon=horizon.total_seconds(),
        label_lateness=None if lateness is None else lateness.total_seconds(),
        matured_until=until,
        complete_from=found.complete_from,
        estimate_error=estimates.error,
        matured=figures_of(declaration, matured),
        provisional=figures_of(declaration, provisional, estimates.estimate(provisional)),
        windows=windows,
        by=tuple(by),
        groups=_groups(declaration, estimates, matured, provisional, by) if by else [],
    )


def _split(found: Answers, until: datetime | None, since: datetime | None) -> tuple[list[Answer], list[Answer]]:
    """The answers that count, matured and provisional, in the order of event time.

    Provisional ones count only where all of them are known: else those with labels would be too many.
    """
    matured, provisional = [], []
    for answer in sorted(found.answers, key=lambda answer: answer.time):
        if since is not None and answer.time < since:
            continue
        if until is not None and answer.time <= until:
            matured.append(answer)
        elif found.complete_from is None or answer.time >= found.complete_from:
            provisional.append(answer)
    return matured, provisional


def _windows(
    declaration: Declaration, estimates: ScoreEstimates, matured: Sequence[Answer], provisional: Sequence[Answer]
) -> list[Window]:
    """The windows, each with the estimate that the matured ones before it lead to."""
    windows = []
    for answers in _parts(matured, MOST_MATURED_WINDOWS):
        estimate = estimates.estimate(answers)
        windows.append(_window(declaration, answers, "matured", estimate))
        estimates.learn(answers, estimate)
    newest = _parts(provisional, MOST_PROVISIONAL_WINDOWS)
    windows += [_window(declaration, answers, "provisional", estimates.estimate(answers)) for answers in newest]
    return windows


def _window(
    declaration: Declaration,
    answers: Sequence[Answer],
    clock: Literal["matured", "provisional"],
    estimate: float | None,
) -> Window:
    return Window(clock=clock, **dict(figures_of(declaration, answers, estimate)))


def _parts(answers: Sequence[Answer], most: int) -> list[Sequence[Answer]]:
    """At most `most` parts of as many consecutive answers each, none of them small unless it is the only one."""
    count = min(most, max(1, len(answers) // SMALLEST_WINDOW)) if answers else 0
    bounds = [len(answers) * number // count for number in range(count + 1)] if count else [0]
    return [answers[start:stop] for start, stop in pairwise(bounds)]


def _groups(
    declaration: Declaration,
    estimates: ScoreEstimates,
    matured: Sequence[Answer],
    provisional: Sequence[Answer],
    by: Sequence[str],
) -> list[GroupFigures]:
    names = group_names(declaration, [*matured, *provisional], by)
    of_matured = _by_name(matured, names[: len(matured)])
    of_provisional = _by_name(provisional, names[len(matured) :])
    return [
        GroupFigures(
            values=name,
            matured=figures_of(declaration, of_matured[name]),
            provisional=figures_of(declaration, of_provisional[name], estimates.estimate(of_provisional[name])),
        )
        for name, _ in Counter(names).most_common()
    ]


def _by_name(answers: Sequence[Answer], names: Sequence[Group]) -> dict[Group, list[Answer]]:
    found: dict[Group, list[Answer]] = defaultdict(list)
    for answer, name in zip(answers, names, strict=True):
        found[name].append(answer)
    return found
