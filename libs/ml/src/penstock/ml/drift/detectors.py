"""Online detectors of change in a series of losses or scores, by name.

They are River's, with three additions: a direction, so that an improvement is no alarm; a common scale for
values that are not 0 or 1; and a state that depends only on the values since the last alarm.

Left out on purpose: EDDM (17 false alarms per 10,000 stationary 0/1 losses where the others have
at most one) and FHDDM (misses moderate changes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Direction = Literal["up", "both"]
Role = Literal["alarm", "proposal"]

CALIBRATION = 100


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector that a stream may name.

    `make` takes its parameters, the direction and a seed; `binary` ones accept 0 and 1 only. With `parameters` it
    raises an alarm by itself; with `sensitive` ones it only proposes what others confirm, and must not be late.
    """

    make: Callable[[dict[str, Any], Direction, int], Any]
    parameters: dict[str, Any]
    sensitive: dict[str, Any]
    binary: bool = False

    def parameters_of(self, role: Role) -> dict[str, Any]:
        """The parameters for a role."""
        return self.parameters if role == "alarm" else self.sensitive


def _river() -> Any:
    """River's detectors, imported with the first one made: with them come scikit-learn and SQLAlchemy, in a second."""
    from river import drift  # noqa: PLC0415

    return drift


def _adwin(parameters: dict[str, Any], _: Direction, __: int) -> Any:
    return _river().ADWIN(**parameters)


def _page_hinkley(parameters: dict[str, Any], direction: Direction, _: int) -> Any:
    return _river().PageHinkley(mode=direction, **parameters)


def _kswin(parameters: dict[str, Any], _: Direction, seed: int) -> Any:
    return _river().KSWIN(seed=seed, **parameters)


def _ddm(parameters: dict[str, Any], _: Direction, __: int) -> Any:
    return _river().binary.DDM(**parameters)


def _hddm_a(parameters: dict[str, Any], direction: Direction, _: int) -> Any:
    return _river().binary.HDDMA(two_sided_test=direction == "both", **parameters)


def _hddm_w(parameters: dict[str, Any], direction: Direction, _: int) -> Any:
    return _river().binary.HDDMW(two_sided_test=direction == "both", **parameters)


DETECTORS: dict[str, Detector] = {
    "adwin": Detector(_adwin, {"delta": 0.002}, {"delta": 0.2, "clock": 8}),
    "page-hinkley": Detector(
        _page_hinkley, {"delta": 0.005, "threshold": 50.0}, {"delta": 0.02, "threshold": 15.0, "min_instances": 10}
    ),
    "ddm": Detector(
        _ddm, {"warm_start": 30, "drift_threshold": 3.0}, {"warm_start": 30, "drift_threshold": 2.0}, binary=True
    ),
    "hddm-a": Detector(_hddm_a, {"drift_confidence": 0.001}, {"drift_confidence": 0.05}, binary=True),
    "hddm-w": Detector(_hddm_w, {"drift_confidence": 0.001}, {"drift_confidence": 0.05}, binary=True),
    "kswin": Detector(
        _kswin,
        {"alpha": 0.0001, "window_size": 200, "stat_size": 60},
        {"alpha": 0.005, "window_size": 200, "stat_size": 60},
    ),
}


class UnknownDetector(ValueError):
    """The detector named is not in the allow-list, or does not take such values."""


class SequentialDetector:
    """Watches a series and raises alarms; after an alarm it starts anew.

    With `direction="up"` only a rise is an alarm, for losses; with "both" any change is, for scores. With
    `role="proposal"` it is more sensitive than an alarm may be.
    With `bounded=True` values lie in [0, 1], as 0/1 losses do. Otherwise the first 100 values after
    each alarm set the scale: all are divided by twice their 90th percentile, or their largest where most
    are 0, and cut at 1 and -1. A hundred zeros set none: the next hundred may. The same
    values in any batches, with the same seed, give the same alarms. KSWIN costs a millisecond a
    value, the others microseconds.

    Raises:
        UnknownDetector: the name is not in `DETECTORS`, or a binary detector is to watch unbounded values.

    >>> watch = SequentialDetector("adwin")
    >>> watch.update(np.zeros(500)), watch.update(np.ones(500))
    (None, 11)
    """

    def __init__(
        self, name: str, seed: int = 0, direction: Direction = "up", bounded: bool = True, role: Role = "alarm"
    ) -> None:
        detector = DETECTORS.get(name)
        if detector is None:
            raise UnknownDetector(f"no detector is named {name!r}: choose one of {sorted(DETECTORS)}")
        if detector.binary and not bounded:
            raise UnknownDetector(f"detector {name!r} watches 0/1 losses only: choose adwin or page-hinkley")
        self.name, self.seed, self.direction, self.bounded, self.role = name, seed, direction, bounded, role
        self._restart()

    @property
    def parameters(self) -> dict[str, Any]:
        """The detector's parameters, as plain data."""
        settings = {"direction": self.direction, "bounded": self.bounded, "seed": self.seed}
        return DETECTORS[self.name].parameters_of(self.role) | settings

    def update(self, values: NDArray[Any]) -> int | None:
        """Update with all n values: the index of the first alarm, or None."""
        return next(iter(self.alarms(values)), None)

    def alarms(self, values: NDArray[Any]) -> list[int]:
        """Update with all n values: the index of each alarm.

        Raises:
            ValueError: a value is NaN or infinite; then the detector is unchanged.
        """
        numbers = np.asarray(values, dtype=np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("a detector takes finite values only")
        return [index for index, value in enumerate(numbers.tolist()) if self.update_one(value)]

    def update_one(self, value: float) -> bool:
        """Update with one value, which must be finite: whether it raises an alarm."""
        if self._scale:
            alarm = self._feed(self._scaled(value))
        else:
            alarm = any(self._feed(self._scaled(each)) for each in self._calibrate(value))
        if alarm:
            self._restart()
        return alarm

    def _restart(self) -> None:
        kind = DETECTORS[self.name]
        self._detector = kind.make(kind.parameters_of(self.role), self.direction, self.seed)
        self._scale = 1.0 if self.bounded else 0.0
        self._calibration: list[float] = []
        self._count, self._total = 0, 0.0

    def _calibrate(self, value: float) -> list[float]:
        """The values to feed while the scale is being set: none at first, then all at once."""
        self._calibration.append(value)
        if len(self._calibration) < CALIBRATION:
            return []
        values, self._calibration = self._calibration, []
        sizes = np.abs(values)
        self._scale = 2 * (float(np.quantile(sizes, 0.9)) or float(sizes.max()))
        return values

    def _scaled(self, value: float) -> float:
        return max(min(value / self._scale, 1.0), -1.0) if value else 0.0

    def _feed(self, value: float) -> bool:
        self._detector.update(value)
        self._count += 1
        self._total += value
        return bool(self._detector.drift_detected) and self._is_alarm()

    def _is_alarm(self) -> bool:
        """Whether the change is an alarm; an improvement only moves the point of comparison."""
        recent = _recent(self._detector)
        if self.direction == "both" or recent is None:
            return True
        count, total = recent
        before = (self._total - total) / max(self._count - count, 1)
        self._count, self._total = count, total
        return total / max(count, 1) > before


def rebuild_detector(
    name: str,
    values: NDArray[Any],
    seed: int = 0,
    direction: Direction = "up",
    bounded: bool = True,
) -> SequentialDetector:
    """The detector after these values, which must be those since its last alarm or its start."""
    detector = SequentialDetector(name, seed, direction, bounded)
    detector.alarms(values)
    return detector


def _recent(detector: Any) -> tuple[int, float] | None:
    """Count and sum of the values that a two-sided detector keeps after a change."""
    if isinstance(detector, _river().ADWIN):
        return int(detector.width), float(detector.total)
    if isinstance(detector, _river().KSWIN):
        return len(detector.window), float(sum(detector.window))
    return None
