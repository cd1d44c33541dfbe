"""Whether answers are much worse in one slice than elsewhere: the alert about it."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from penstock.bus.state.unit_state import State
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert, Statistics
from penstock.drift_detector.record_source import SOURCE
from penstock.ml.metrics.confidence_sequences import Moments, always_valid_difference

WINDOW = 100  # outcomes of a slice, after which it is judged
LEVEL = 0.9999  # of the interval of the difference: many slices are judged, again and again
HIGH, LOW = 1.5, 1.25  # times the mean loss elsewhere
MOST_SLICES = 200  # that are watched, of all fields together: the first that are seen

_KEY = b"2x"

SliceName = tuple[str, str]  # field and value


class _Window(msgspec.Struct, array_like=True):
    inside: Moments = msgspec.field(default_factory=Moments)
    elsewhere: Moments = msgspec.field(default_factory=Moments)
    is_worse: bool = False


class SliceWatch:
    """Compares each slice with the other values of its field: it is worse from half as much loss again on, if certain.

    It is over when the slice loses less than a quarter more than the others, by as many outcomes again.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        stored = state.get(_KEY)
        windows = msgspec.msgpack.decode(stored, type=list[tuple[str, str, _Window]]) if stored else []
        self._windows = {(field, value): window for field, value, window in windows}

    def update(self, record: Statistics) -> list[Alert]:
        """The alerts that a block's record leads to; a block counts once, when it is complete."""
        if record.clock != "provisional" or not record.slices:
            return []
        self._add(record)
        alerts = [alert for name in sorted(self._windows) if (alert := self._judge(name, record)) is not None]
        windows = [(field, value, window) for (field, value), window in self._windows.items()]
        self._state.put(_KEY, msgspec.msgpack.encode(windows))
        return alerts

    def _add(self, record: Statistics) -> None:
        of_block: dict[str, dict[str, Moments]] = defaultdict(dict)
        for losses in record.slices:
            of_block[losses.field][losses.value] = Moments(losses.answers, losses.mean, losses.squares)
            if len(self._windows) < MOST_SLICES:
                self._windows.setdefault((losses.field, losses.value), _Window())
        for (field, value), window in self._windows.items():
            for other, moments in of_block.get(field, {}).items():
                if other == value:
                    window.inside += moments
                else:
                    window.elsewhere += moments

    def _judge(self, name: SliceName, record: Statistics) -> Alert | None:
        """The alert that a slice has changed with a full window, which is emptied."""
        window = self._windows[name]
        if window.inside.n < WINDOW or not window.elsewhere.n:
            return None
        self._windows[name] = _Window(is_worse=_is_worse(window))
        if self._windows[name].is_worse == window.is_worse:
            return None
        return _alert(record, name, window, is_worse=not window.is_worse)


def _is_worse(window: _Window) -> bool:
    inside, elsewhere = window.inside, window.elsewhere
    if window.is_worse:
        return inside.mean >= LOW * elsewhere.mean
    return inside.mean >= HIGH * elsewhere.mean and always_valid_difference(inside, elsewhere, LEVEL).low > 0


def _alert(record: Statistics, name: SliceName, window: _Window, *, is_worse: bool) -> Alert:
    field, value = name
    inside, elsewhere = window.inside, window.elsewhere
    here = f"where {field} is {value!r}" if value else f"where {field} is missing"
    losses = f"answers lose {inside.mean:.4g} each {here}, elsewhere {elsewhere.mean:.4g}"
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "slice", record.stream, record.start, field, value),
        time=record.time,
        cause=record.id,
        severity="warning",
        subject="slice",
        message=f"{losses}, over {inside.n} and {elsewhere.n} outcomes",
        stream=record.stream,
        version=record.version,
        kind=AlertKind.SLICE,
        key=alert_key(AlertKind.SLICE, record.stream, field, value),
        state="firing" if is_worse else "resolved",
        event_time=record.last_time,
    )
