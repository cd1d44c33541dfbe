"""docs/detectors.md, from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.detectors.scenarios import CHANGE, ERROR_RATE, HIGHER_ERROR_RATE, LENGTH, SLOPE, SPREAD
from bench.detectors.shortfalls import OUTCOMES, RUNS


@dataclass(frozen=True, slots=True)
class DetectorTables:
    """The lines of the tables.

    `noticed_positives`: of each seed, until a recall that fell to 0 was noticed; `noticed_by_loss`: by log losses.
    """

    still: str
    delays: str
    log_loss_delays: str
    noticed_positives: Sequence[int]
    noticed_by_loss: Sequence[int]
    shortfalls: str
    classification: str
    regression: str
    fields: str


def detectors_page(
    tables: DetectorTables, still_losses: int, interval: int, seeds: int, log_loss_seeds: int, river_seeds: int
) -> str:
    """The page."""
    median, worst = np.median(tables.noticed_positives), max(tables.noticed_positives)
    by_loss, worst_by_loss = np.median(tables.noticed_by_loss), max(tables.noticed_by_loss)
    return f"""# Detectors on planted changes

Written by `python -m bench.detectors`. Streams of {LENGTH:,} events. The change comes at event {CHANGE:,} at once
(abrupt) or over 1,000 events (gradual), in every other thousand events (recurring), or never (none). *delay*: events
from the change's beginning to the alarm, the median. *found*: changes with an alarm before the next one began.

## Confirmed drift: what a stream has unless it declares otherwise

`adwin` and `page-hinkley` propose a rise of errors, and a scan confirms it
([decision](decisions/0039-drift-is-confirmed-by-a-scan.md)). What counts are outcomes, in any batches. Confirmed drifts
in {still_losses:,} losses of which nothing changes, and microseconds that a loss takes, with batches of a tenth of a
second:

| | 100/s: confirmed | µs | 3,000/s: confirmed | µs |
|---|---:|---:|---:|---:|
{tables.still}

Delays ({seeds} seeds), beside those of a CUSUM that knows beforehand the law of the losses before and after the change
(of heavy tails the densities) and has one false alarm in {interval:,} losses. *false*: drifts confirmed before the
first change, over all seeds.

| | delay | CUSUM that knows both | ratio | found | false |
|---|---:|---:|---:|---:|---:|
{tables.delays}

With 0.5 % positives, as many other errors, and a recall that falls from 80 % to 0 after 20,000 answers, this is noticed
after {median:.0f} positives (the median of {seeds} seeds; {worst} at most); by the log losses of a model that is sure
of its answers by .9 on average after {by_loss:.0f} ({worst_by_loss} at most).

## Log losses: what is watched where the objective is log loss, average precision or ROC AUC

The scan watches alone ([decision](decisions/0054-detectors-watch-the-loss-of-the-objective.md)). A logistic model
whose log odds have a standard deviation of {SPREAD:g} is right, until the truth follows them by {SLOPE} of the slope
alone, at the same share of positives. Beside it the CUSUM that knows the whole laws of these log losses, and what the
default detectors make of the errors of the same answers ({log_loss_seeds} seeds).

| | delay | CUSUM that knows the laws | ratio | found | false | by errors: delay | found |
|---|---:|---:|---:|---:|---:|---:|---:|
{tables.log_loss_delays}

## Shortfall: a champion against its holdout

Outcomes until the alarm about a champion with more errors than its holdout showed, as labels come and before any cohort
is complete ({RUNS} seeds; [decision](decisions/0045-a-champion-is-held-to-its-holdout.md)). *asked*: one and a half
times what a test that knows both rates takes on average, 45 at least. *found*: within {OUTCOMES:,} outcomes; without a
change these are false alarms, of which a thousandth is allowed.

| on the holdout | live | rows of the holdout | asked | median | 95 % | found |
|---:|---:|---:|---:|---:|---:|---:|
{tables.shortfalls}

## River's detectors by themselves: losses of a classification, error rate {ERROR_RATE:.0%} to {HIGHER_ERROR_RATE:.0%}

{river_seeds} seeds (one for `kswin`, which takes a millisecond per value). *false*: alarms per 10,000 events without
any change; in `recurring`, of the first 1,000 events. A detector is reset after an alarm, and only a rise of the loss
is an alarm. As proposers they are set to be more sensitive than here.

{tables.classification}

## Errors of a regression: with heavy tails, three quarters larger

Detectors of 0/1 losses do not apply here.

{tables.regression}

## A field whose mean moves by 0.6 of its standard deviation, in windows of 1,000 events

Against 5,000 reference rows. A window is tested at its end, so a delay below 1,000 is impossible; a change within a
window may be found in the next.

{tables.fields}

What follows for a stream: whatever `drift.detectors` names, only the scan confirms, so more detectors cost time and no
false alarms. `kswin`, which compares 60 values with 60, is for changes of shape much stronger than these. River's EDDM
is not offered: 17 false alarms per 10,000 stationary losses. `psi` and `ks` are the tests of fields unless
`drift.tests` names others. The windows here begin where the changes do, the best case: elsewhere add up to one.
"""
