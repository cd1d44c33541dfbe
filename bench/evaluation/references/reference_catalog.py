"""The references by name: what each answers to every row of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bench.evaluation.boosting import Answers, calendar, once
from bench.evaluation.forests import Kind, online
from bench.evaluation.known import Known, known_rows, lags, last_known
from bench.evaluation.rows import Rows

CALENDARS = (46, 19)  # retrainings
LAST_PART = 10  # a calendar with a window learns from the last tenth of as many rows as the file has


@dataclass(frozen=True)
class Reference:
    """A way to answer. `trains`: it has models that are trained apart, and so may take effect late."""

    answer: Callable[[Rows, Known, int, int], Answers]
    trains: bool = False


def answered(name: str, rows: Rows, delay: int, late: int, seed: int) -> Answers:
    """What the reference answers to each row, labels known `delay` rows late, models `late` rows after their data."""
    return REFERENCES[name].answer(rows, known_rows(len(rows), delay), late, seed)


def _last(rows: Rows, known: Known, late: int, seed: int) -> Answers:
    del late, seed
    return Answers(last_known(rows.truths, known))


def _calendar(rows: Rows, known: Known, late: int, seed: int, *, times: int, windowed: bool) -> Answers:
    window = len(rows) // LAST_PART if windowed else None
    return calendar(rows, known, late, seed, times, window)


def _online(rows: Rows, known: Known, late: int, seed: int, *, kind: Kind) -> Answers:
    del late
    return online(rows, known, kind, seed)


def _with_lags(reference: Reference) -> Reference:
    def answer(rows: Rows, known: Known, late: int, seed: int) -> Answers:
        return reference.answer(rows.with_more(lags(rows.truths, known)), known, late, seed)

    return Reference(answer, reference.trains)


_CALENDARS = {
    f"calendar-{times}-{'tenth' if windowed else 'all'}": Reference(
        partial(_calendar, times=times, windowed=windowed), trains=True
    )
    for times in CALENDARS
    for windowed in (False, True)
}
_FOREST = Reference(partial(_online, kind="forest"))

REFERENCES: Mapping[str, Reference] = {
    "last": Reference(_last),
    "static": Reference(once, trains=True),
    **_CALENDARS,
    **{f"{name}-lags": _with_lags(found) for name, found in _CALENDARS.items()},
    "tree": Reference(partial(_online, kind="tree")),
    "forest": _FOREST,
    "forest-lags": _with_lags(_FOREST),
}
