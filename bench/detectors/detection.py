"""What a detector did in a scenario: delays, changes found, false alarms; and tables of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.detectors.scenarios import LENGTH, ChangeScenario, scenarios


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
    def found(self) -> str:
        """The share of the changes that were detected."""
        return f"{len(self.delays) / self.changes:.0%}" if self.changes else "-"

    @property
    def median_delay(self) -> float:
        """The median over all changes, infinite where most were not found."""
        missed = [np.inf] * (self.changes - len(self.delays))
        return float(np.median([*self.delays, *missed]))

    @property
    def cell(self) -> str:
        """Median delay, share of the changes that were detected, and false alarms per 10,000 events."""
        delay = f"{np.median(self.delays):.0f}" if self.delays else "-"
        return f"{delay} | {self.found} | {self.false_alarms / self.quiet_events * 10_000:.1f}"


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


def detection_table(rows: Mapping[str, Sequence[DetectionResult]]) -> str:
    """A line for each detector: delay, share of changes found and false alarms in each scenario."""
    names = [scenario.name for scenario in scenarios()]
    titles = " | ".join(f"{name}: delay | found | false" for name in names if name != "none")
    head = f"| | {titles} | none: false |\n|---|{'---:|' * (3 * (len(names) - 1) + 1)}\n"
    lines = [
        f"| {name} | {' | '.join(result.cell for result in results[:-1])} | {results[-1].cell.rsplit('| ', 1)[1]} |"
        for name, results in rows.items()
    ]
    return head + "\n".join(lines)
