"""`python -m bench.detectors`: drift detectors and window tests on streams with known changes.

Writes docs/detectors.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.report.terminal import print_line
from penstock.ml.drift.detectors import DETECTORS, SequentialDetector
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.window_tests import THRESHOLDS, WindowTest

PAGE = Path(__file__).parents[1] / "docs" / "detectors.md"

SEEDS = 20
SEEDS_OF = {"kswin": 1}  # it takes a millisecond per value
LENGTH, CHANGE = 6000, 2000  # events, and the event of the abrupt change
WINDOW = 1000
REFERENCE_ROWS = 5000
ERROR_RATE, HIGHER_ERROR_RATE = 0.2, 0.35

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChangeScenario:
    """How far each event is into a change: `level`, shape (LENGTH,), from 0 before to 1 after it.

    `changes` are the events at which the level begins to rise.
    """

    name: str
    level: Values
    changes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """What a detector did in a scenario, over all seeds: the delays of detected changes, and false alarms.

    `quiet_events`: events before the first change, in which every alarm is false.
    """

    delays: Sequence[int]
    changes: int
    false_alarms: int
    quiet_events: int

    @property
    def cell(self) -> str:
        """Median delay, share of the changes that were detected, and false alarms per 10,000 events."""
        delay = f"{np.median(self.delays):.0f}" if self.delays else "-"
        share = f"{len(self.delays) / self.changes:.0%}" if self.changes else "-"
        return f"{delay} | {share} | {self.false_alarms / self.quiet_events * 10_000:.1f}"


def scenarios() -> list[ChangeScenario]:
    """An abrupt change, a gradual one over 1,000 events, a recurring one, none."""
    events = np.arange(LENGTH)
    return [
        ChangeScenario("abrupt", (events >= CHANGE).astype(float), (CHANGE,)),
        ChangeScenario("gradual", np.clip((events - CHANGE) / 1000, 0, 1), (CHANGE,)),
        ChangeScenario("recurring", ((events // 1000) % 2).astype(float), (1000, 3000, 5000)),
        ChangeScenario("none", np.zeros(LENGTH), ()),
    ]


def classification_losses(level: Values, random: np.random.Generator) -> Values:
    """Losses of 0 and 1: an error rate of 20 % rises to 35 %."""
    return (random.random(len(level)) < ERROR_RATE + (HIGHER_ERROR_RATE - ERROR_RATE) * level).astype(float)


def regression_losses(level: Values, random: np.random.Generator) -> Values:
    """Absolute errors with heavy tails (Student's t, 4 degrees of freedom), which grow by three quarters."""
    return np.asarray(np.abs(random.standard_t(4, len(level))) * (1 + 0.75 * level))


def field_values(level: Values, random: np.random.Generator) -> Values:
    """A normal field whose mean moves by 0.6 standard deviations."""
    return np.asarray(random.normal(0.6 * level))


def match_alarms(alarms: Sequence[int], scenario: ChangeScenario) -> tuple[list[int], int]:
    """The delay of each change that had an alarm before the next began, and the number of false alarms."""
    ends = [*scenario.changes, LENGTH][1:]
    delays = [
        next((alarm - start for alarm in alarms if start <= alarm < end), None)
        for start, end in zip(scenario.changes, ends, strict=True)
    ]
    false_alarms = [alarm for alarm in alarms if not scenario.changes or alarm < scenario.changes[0]]
    return [delay for delay in delays if delay is not None], len(false_alarms)


def evaluate_detector(
    alarms_of: Callable[[ChangeScenario, int], Sequence[int]], scenario: ChangeScenario, seeds: int
) -> DetectionResult:
    """One detector in one scenario, over some seeds. False alarms are those before the first change."""
    quiet_events = scenario.changes[0] if scenario.changes else LENGTH
    delays, false_alarms = [], 0
    for seed in range(seeds):
        seed_delays, seed_false_alarms = match_alarms(alarms_of(scenario, seed), scenario)
        delays += seed_delays
        false_alarms += seed_false_alarms
    return DetectionResult(delays, len(scenario.changes) * seeds, false_alarms, quiet_events * seeds)


def evaluate_sequential(
    name: str, losses: Callable[[Values, np.random.Generator], Values], bounded: bool
) -> list[DetectionResult]:
    """A detector of losses in every scenario."""

    def alarms_of(scenario: ChangeScenario, seed: int) -> list[int]:
        detector = SequentialDetector(name, seed, bounded=bounded)
        return detector.alarms(losses(scenario.level, np.random.default_rng(seed)))

    return [evaluate_detector(alarms_of, scenario, SEEDS_OF.get(name, SEEDS)) for scenario in scenarios()]


def evaluate_window_test(test: WindowTest) -> list[DetectionResult]:
    """A window test in every scenario, against 5,000 reference rows."""

    def alarms_of(scenario: ChangeScenario, seed: int) -> list[int]:
        random = np.random.default_rng(seed)
        bins = ReferenceBins.of(random.normal(size=REFERENCE_ROWS), "number")
        reference, values = {"x": np.array(bins.counts)}, field_values(scenario.level, random)
        return [
            start + WINDOW - 1
            for start in range(0, LENGTH, WINDOW)
            if test.drifts(reference, {"x": bins.count(values[start : start + WINDOW])})
        ]

    return [evaluate_detector(alarms_of, scenario, SEEDS) for scenario in scenarios()]


def table(rows: Mapping[str, Sequence[DetectionResult]]) -> str:
    """A line for each detector: delay, share of changes found and false alarms in each scenario."""
    names = [scenario.name for scenario in scenarios()]
    titles = " | ".join(f"{name}: delay | found | false" for name in names if name != "none")
    head = f"| | {titles} | none: false |\n|---|{'---:|' * (3 * (len(names) - 1) + 1)}\n"
    lines = [
        f"| {name} | {' | '.join(result.cell for result in results[:-1])} | {results[-1].cell.rsplit('| ', 1)[1]} |"
        for name, results in rows.items()
    ]
    return head + "\n".join(lines)


def page(classification_table: str, regression_table: str, field_table: str) -> str:
    """The page, from its three tables."""
    return f"""# Detectors on planted changes

Written by `python -m bench.detectors`. Streams of {LENGTH:,} events, {SEEDS} seeds (one for `kswin`, which takes a
millisecond per value). The change comes at event {CHANGE:,} at once (abrupt) or over 1,000 events (gradual), in every
other thousand events (recurring), or never (none). *delay*: events from the change's beginning to the alarm, the
median. *found*: changes with an alarm before the next one began. *false*: alarms per 10,000 events without any change;
in `recurring`, of the first 1,000 events. A detector is reset after an alarm, and only a rise of the loss is an alarm.

## Losses of a classification: the error rate rises from {ERROR_RATE:.0%} to {HIGHER_ERROR_RATE:.0%}

{classification_table}

## Errors of a regression: with heavy tails, three quarters larger

Detectors of 0/1 losses do not apply here.

{regression_table}

## A field whose mean moves by 0.6 of its standard deviation, in windows of {WINDOW:,} events

Against {REFERENCE_ROWS:,} reference rows. A window is tested at its end, so a delay below {WINDOW:,} is impossible; a
change within a window may be found in the next.

{field_table}

What follows for a stream: `adwin` and `page-hinkley`, which a stream has unless it declares others, take losses of any
kind and raised no false alarm here; `hddm-w`, and of an abrupt change `hddm-a`, see 0/1 losses rise earlier, at a few
false alarms in 100,000 events. `kswin`, which compares 60 values with 60, is for changes of shape much stronger than
these. River's EDDM is not offered: 17 false alarms per 10,000 stationary losses. `psi` and `ks` are the tests of fields
unless `drift.tests` names others. The windows here begin where the changes do, the best case: elsewhere add up to one.
"""


def main() -> None:
    """Measure, print and write the page."""
    argparse.ArgumentParser(prog="python -m bench.detectors", description=__doc__).parse_args()
    classification = table({name: evaluate_sequential(name, classification_losses, bounded=True) for name in DETECTORS})
    print_line(classification)
    numeric = [name for name, detector in DETECTORS.items() if not detector.binary]
    regression = table({name: evaluate_sequential(name, regression_losses, bounded=False) for name in numeric})
    print_line(regression)
    fields = table({name: evaluate_window_test(WindowTest(name)) for name in THRESHOLDS})
    print_line(fields)
    PAGE.write_text(page(classification, regression, fields), encoding="utf-8")


if __name__ == "__main__":
    main()
