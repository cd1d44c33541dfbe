"""The default detectors of a stream, as the drift detector runs them: planted changes, and losses without any."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.detectors.scenarios import LogisticModel, Values
from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.contracts.declaration.model_lifecycle import DriftDeclaration
from penstock.drift_detector.drift.loss_detectors import LossDetectors, LossSettings
from penstock.drift_detector.watched_loss import WatchedLoss

ERRORS, ABSOLUTE_ERRORS = WatchedLoss("error", "bernoulli"), WatchedLoss("absolute_error", "exponential")
LOG_LOSSES = WatchedLoss("log_loss", "log_loss")
BASE_RATES = (0.5, 0.1, 0.03, 0.01)  # shares of positives, of logistic models
DETECTORS = DriftDeclaration().detectors
STILL_LOSSES = 3_000_000
POLLS_PER_SECOND = 10  # a rate of events a second is batches of a tenth of it
CHUNK = 100_000  # losses drawn at a time


@dataclass(frozen=True, slots=True)
class StillStream:
    """Losses that do not change: `draw` gives n of them, and which are of positive cases."""

    name: str
    loss: WatchedLoss
    draw: Callable[[int, np.random.Generator], tuple[Values, Values]]


def still_streams() -> list[StillStream]:
    """Losses of a classification with many and with few errors and positives, and errors with heavy tails."""
    return [
        StillStream(
            "0/1, 20 % errors, half of the cases positive", ERRORS, lambda n, random: _hits(n, 0.2, 0.5, random)
        ),
        StillStream("0/1, 0.5 % errors, 0.5 % positive", ERRORS, lambda n, random: _hits(n, 0.005, 0.005, random)),
        StillStream(
            "absolute errors, Student's t", ABSOLUTE_ERRORS, lambda n, random: (_errors(n, random), np.zeros(n))
        ),
        *(_log_losses(share) for share in BASE_RATES),
    ]


def count_false_alarms(stream: StillStream, rate: int, losses: int = STILL_LOSSES) -> tuple[int, float]:
    """How many rises are confirmed at a rate of events a second, and the microseconds that a loss takes."""
    random, detectors = np.random.default_rng(rate), _detectors(stream.loss)
    batch, alarms, seconds = rate // POLLS_PER_SECOND, 0, 0.0
    for _ in range(losses // CHUNK):
        drawn, positives = stream.draw(CHUNK, random)
        values, flags = drawn.tolist(), (positives > 0).tolist()
        start_time = time.process_time()
        for start in range(0, CHUNK, batch):
            alarms += len(detectors.update(values[start : start + batch], flags[start : start + batch]))
            detectors.save()
        seconds += time.process_time() - start_time
    return alarms, seconds / losses * 1e6


def confirmed_rises(losses: Values, loss: WatchedLoss) -> Sequence[int]:
    """The index of the loss at which each rise is confirmed."""
    return [index for index, _ in _detectors(loss).update(losses.tolist(), [False] * len(losses))]


def positives_until_noticed(
    seed: int, share: float = 0.005, recall: float = 0.8, as_log_losses: bool = False
) -> int | None:
    """After 20,000 answers with a share of positives and a recall that falls to 0: positives until it is noticed.

    Errors are watched, or with `as_log_losses` those of a model that is mostly sure: it gives what it answers a
    probability between .5 and 1, .9 on average.
    """
    random, detectors = np.random.default_rng(seed), _detectors(LOG_LOSSES if as_log_losses else ERRORS)
    positives = random.random(40_000) < share
    fallen = np.arange(40_000) >= 20_000
    losses = np.where(positives, random.random(40_000) >= np.where(fallen, 0.0, recall), random.random(40_000) < share)
    if as_log_losses:
        sure = 0.5 + random.beta(4, 1, 40_000) / 2
        losses = -np.log(np.where(losses, 1 - sure, sure))
    alarms = [index for index, _ in detectors.update(losses.astype(float).tolist(), positives.tolist())]
    first = next((index for index in alarms if index >= 20_000), None)
    return None if first is None else int(positives[20_000 : first + 1].sum())


def _detectors(loss: WatchedLoss) -> LossDetectors:
    detectors = LossDetectors(State(MemoryStateStore()))
    detectors.configure(LossSettings(DETECTORS, 0, loss))
    return detectors


def _log_losses(share: float) -> StillStream:
    model = LogisticModel.of(share)
    name = f"log losses of a logistic model, {share:.0%} positive"
    return StillStream(name, LOG_LOSSES, lambda n, random: model.draw(np.zeros(n), random))


def _hits(n: int, rate: float, positive: float, random: np.random.Generator) -> tuple[Values, Values]:
    return (random.random(n) < rate).astype(float), (random.random(n) < positive).astype(float)


def _errors(n: int, random: np.random.Generator) -> Values:
    return np.asarray(np.abs(random.standard_t(4, n)))
