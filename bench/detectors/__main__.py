"""`python -m bench.detectors`: drift detectors and window tests on streams with known changes, and without any.

Writes docs/detectors.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from math import isfinite, log
from pathlib import Path

import numpy as np

from bench.detectors.cusum import (
    FALSE_ALARM_INTERVAL,
    Cusum,
    classification_evidence,
    informed_cusum,
    log_loss_evidence,
    regression_evidence,
)
from bench.detectors.detection import DetectionResult, detection_table, evaluate_detector
from bench.detectors.detectors_page import DetectorTables, detectors_page
from bench.detectors.scenarios import (
    LENGTH,
    ChangeScenario,
    LogisticModel,
    Values,
    classification_losses,
    field_values,
    regression_losses,
    scenarios,
)
from bench.detectors.shortfalls import shortfall_lines
from bench.detectors.stream_defaults import (
    ABSOLUTE_ERRORS,
    BASE_RATES,
    ERRORS,
    LOG_LOSSES,
    STILL_LOSSES,
    confirmed_rises,
    count_false_alarms,
    positives_until_noticed,
    still_streams,
)
from bench.report.terminal import print_line
from penstock.drift_detector.watched_loss import WatchedLoss
from penstock.ml.drift.detectors import DETECTORS, SequentialDetector
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.window_tests import THRESHOLDS, WindowTest

PAGE = Path(__file__).parents[2] / "docs" / "detectors.md"

SEEDS = 20
SEEDS_OF = {"kswin": 1}  # it takes a millisecond per value
DEFAULTS_SEEDS = 200
LOG_LOSS_SEEDS = 50
LOG_LOSS_STEPS = 4_000  # of the CUSUM's simulation: their evidence costs forty times that of errors
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


def compare_with_cusum(name: str, losses: LossesOf, cusum: Cusum, loss: WatchedLoss) -> list[str]:
    """A line for each scenario with changes: the default detectors' delays and the CUSUM's."""

    def confirmed(scenario: ChangeScenario, seed: int) -> Sequence[int]:
        return confirmed_rises(losses(scenario.level, np.random.default_rng(seed)), loss)

    def informed(scenario: ChangeScenario, seed: int) -> Sequence[int]:
        return cusum.alarms(losses(scenario.level, np.random.default_rng(seed)))

    lines = []
    for scenario in scenarios()[:-1]:
        ours = evaluate_detector(confirmed, scenario, DEFAULTS_SEEDS)
        best = evaluate_detector(informed, scenario, DEFAULTS_SEEDS)
        figures = f"{_delays(ours.median_delay, best.median_delay)} | {ours.found} | {ours.false_alarms}"
        lines.append(f"| {name}, {scenario.name} | {figures} |")
        print_line(lines[-1])
    return lines


def compare_log_losses(positives: float) -> list[str]:
    """A line for each scenario with changes, of a logistic model: delays on its log losses, and on its errors."""
    model = LogisticModel.of(positives)
    cusum = informed_cusum(log_loss_evidence(model), model.losses, LOG_LOSS_STEPS)

    def alarms_of(loss: WatchedLoss) -> Callable[[ChangeScenario, int], Sequence[int]]:
        def confirmed(scenario: ChangeScenario, seed: int) -> Sequence[int]:
            losses = model.losses(scenario.level, np.random.default_rng(seed))
            return confirmed_rises((losses > log(2)).astype(float) if loss is ERRORS else losses, loss)

        return confirmed

    def informed(scenario: ChangeScenario, seed: int) -> Sequence[int]:
        return cusum.alarms(model.losses(scenario.level, np.random.default_rng(seed)))

    lines = []
    for scenario in scenarios()[:-1]:
        ours, of_errors, best = (
            evaluate_detector(alarms, scenario, LOG_LOSS_SEEDS)
            for alarms in (alarms_of(LOG_LOSSES), alarms_of(ERRORS), informed)
        )
        delays = _delays(ours.median_delay, best.median_delay)
        figures = (
            f"{delays} | {ours.found} | {ours.false_alarms} | {_delay(of_errors.median_delay)} | {of_errors.found}"
        )
        lines.append(f"| {positives:.0%} positive, {scenario.name} | {figures} |")
        print_line(lines[-1])
    return lines


def _delays(ours: float, best: float) -> str:
    ratio = f"{ours / best:.2f}" if isfinite(ours) and isfinite(best) else "-"
    return f"{_delay(ours)} | {_delay(best)} | {ratio}"


def _delay(delay: float) -> str:
    return f"{delay:.0f}" if isfinite(delay) else "-"


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
    delays = compare_with_cusum("0/1 losses", classification_losses, classification_cusum, ERRORS)
    delays += compare_with_cusum("heavy tails", regression_losses, regression_cusum, ABSOLUTE_ERRORS)
    log_loss_delays = [line for positives in BASE_RATES for line in compare_log_losses(positives)]
    noticed = [positives_until_noticed(seed) for seed in range(DEFAULTS_SEEDS)]
    noticed_by_loss = [positives_until_noticed(seed, as_log_losses=True) for seed in range(DEFAULTS_SEEDS)]
    still = measure_still_streams()
    numeric = [name for name, detector in DETECTORS.items() if not detector.binary]
    tables = DetectorTables(
        still="\n".join(still),
        delays="\n".join(delays),
        log_loss_delays="\n".join(log_loss_delays),
        noticed_positives=[count if count is not None else 10**9 for count in noticed],
        noticed_by_loss=[count if count is not None else 10**9 for count in noticed_by_loss],
        shortfalls="\n".join(shortfall_lines()),
        classification=detection_table(
            {name: evaluate_sequential(name, classification_losses, bounded=True) for name in DETECTORS}
        ),
        regression=detection_table(
            {name: evaluate_sequential(name, regression_losses, bounded=False) for name in numeric}
        ),
        fields=detection_table({name: evaluate_window_test(WindowTest(name)) for name in THRESHOLDS}),
    )
    text = detectors_page(tables, STILL_LOSSES, FALSE_ALARM_INTERVAL, DEFAULTS_SEEDS, LOG_LOSS_SEEDS, SEEDS)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
