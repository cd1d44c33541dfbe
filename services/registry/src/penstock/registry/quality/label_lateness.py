"""How late labels come, and up to which event time (almost) all of them are there by that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from penstock.registry.quality.answers import Answer

QUANTILE = 0.99  # of the lateness of a class: (almost) all labels


def observed_lateness(answers: Sequence[Answer]) -> timedelta | None:
    """How far behind the newest labelled event nearly all labels come, in event time; None without a label.

    It is that of the class whose labels come latest: a label of one class may take longer than one of another. Where
    all labels are equally late, none is behind, and the result is 0.

    Args:
        answers: in the order in which their labels came.
    """
    lateness: dict[str, list[float]] = defaultdict(list)
    newest: datetime | None = None
    for answer in answers:
        if answer.label is not None:
            newest = answer.time if newest is None else max(newest, answer.time)
            name = answer.label if isinstance(answer.label, str) else ""
            lateness[name].append((newest - answer.time).total_seconds())
    if not lateness:
        return None
    longest = max(float(np.quantile(of_class, QUANTILE, method="higher")) for of_class in lateness.values())
    return timedelta(seconds=longest)


def matured_until(answers: Sequence[Answer], lateness: timedelta | None, horizon: timedelta) -> datetime | None:
    """The event time up to which labels are (almost) all there: by their `lateness`, or past the `horizon`.

    Args:
        answers: in any order.
        lateness: that was observed of these answers.
        horizon: that the stream declares: a label that comes later is not joined.

    Returns:
        The time; None without an answer.
    """
    if not answers:
        return None
    by_horizon = max(answer.time for answer in answers) - horizon
    if lateness is None:
        return by_horizon
    return max(max(answer.time for answer in answers if answer.label is not None) - lateness, by_horizon)
