"""`python -m bench.detectors`: drift detectors and window tests on streams with known changes, and without any.

Writes docs/detectors.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.detectors.cusum import (
    FALSE_ALARM_INTERVAL,
    Cusum,
    classification_evidence,
    informed_cusum,
    regression_evidence,
)
from bench.detectors.detection import DetectionResult, detection_table, evaluate_detector
from bench.detectors.detectors_page import DetectorTables, detectors_page
from bench.detectors.scenarios import (
    LENGTH,
    ChangeScenario,
    Values,
    classification_losses,
    field_values,
    regression_losses,
    scenarios,
)
from bench.detectors.shortfalls import shortfall_lines
from bench.detectors.stream_defaults import (
    STILL_LOSSES,
    confirmed_rises,
    count_false_alarms,
    positives_until_noticed,
    still_streams,
)
from bench.report.terminal import print_line
from penstock.ml.drift.detectors import DETECTORS, SequentialDetector
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.window_tests import THRESHOLDS, WindowTest

PAGE = Path(__file__).parents[2] / "docs" / "detectors.md"

SEEDS = 20
SEEDS_OF = {"kswin": 1}  # it takes a millisecond per value
DEFAULTS_SEEDS = 200
RATES = (100, 3000)  # events a second
WINDOW = 1000
REFERENCE_ROWS = 5000

LossesOf = Callable[[Values, np.random.Generator], Values]


def evaluate_sequential(name: str, losses: LossesOf, bounded: bool) -> list[DetectionResult]:
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


def compare_with_cusum(name: str, losses: LossesOf, cusum: Cusum, bounded: bool) -> list[str]:
    """A line for each scenario with changes: the default detectors' delays and the CUSUM's."""

    def confirmed(scenario: ChangeScenario, seed: int) -> Sequence[int]:
        return confirmed_rises(losses(scenario.level, np.random.default_rng(seed)), bounded=bounded)

    def informed(scenario: ChangeScenario, seed: int) -> Sequence[int]:
        return cusum.alarms(losses(scenario.level, np.random.default_rng(seed)))

    lines = []
    for scenario in scenarios()[:-1]:
        ours = evaluate_detector(confirmed, scenario, DEFAULTS_SEEDS)
        best = evaluate_detector(informed, scenario, DEFAULTS_SEEDS)
        ratio = ours.median_delay / best.median_delay
        figures = (
            f"{ours.median_delay:.0f} | {best.median_delay:.0f} | {ratio:.2f} | {ours.found} | {ours.false_alarms}"
        )
        lines.append(f"| {name}, {scenario.name} | {figures} |")
        print_line(lines[-1])
    return lines


def measure_still_streams() -> list[str]:
    """A line for each stream without a change: the false alarms at each rate, and the cost."""
    lines = []
    for stream in still_streams():
        counts = [count_false_alarms(stream, rate) for rate in RATES]
        figures = " | ".join(f"{alarms} | {microseconds:.0f}" for alarms, microseconds in counts)
        lines.append(f"| {stream.name} | {figures} |")
        print_line(lines[-1])
    return lines


def main() -> None:
    """Measure, print and write the page."""
    argparse.ArgumentParser(prog="python -m bench.detectors", description=__doc__).parse_args()
    classification_cusum = informed_cusum(classification_evidence, classification_losses)
    regression_cusum = informed_cusum(regression_evidence, regression_losses)
    delays = compare_with_cusum("0/1 losses", classification_losses, classification_cusum, bounded=True)
    delays += compare_with_cusum("heavy tails", regression_losses, regression_cusum, bounded=False)
    noticed = [positives_until_noticed(seed) for seed in range(DEFAULTS_SEEDS)]
    still = measure_still_streams()
    numeric = [name for name, detector in DETECTORS.items() if not detector.binary]
    tables = DetectorTables(
        still="\n".join(still),
        delays="\n".join(delays),
        noticed_positives=[count if count is not None else 10**9 for count in noticed],
        shortfalls="\n".join(shortfall_lines()),
        classification=detection_table(
            {name: evaluate_sequential(name, classification_losses, bounded=True) for name in DETECTORS}
        ),
        regression=detection_table(
            {name: evaluate_sequential(name, regression_losses, bounded=False) for name in numeric}
        ),
        fields=detection_table({name: evaluate_window_test(WindowTest(name)) for name in THRESHOLDS}),
    )
    text = detectors_page(tables, STILL_LOSSES, FALSE_ALARM_INTERVAL, DEFAULTS_SEEDS, SEEDS)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
