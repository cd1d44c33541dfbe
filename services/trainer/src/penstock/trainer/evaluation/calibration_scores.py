"""What bad calibration costs candidate and champion, on the rows of the comparison."""

from __future__ import annotations

import numpy as np

from penstock.contracts.records.training import CalibrationScores, Score
from penstock.ml.metrics.intervals import Interval
from penstock.ml.metrics.objective import Answers, Floats
from penstock.ml.metrics.probability_losses import log_losses
from penstock.ml.selection.calibration import BLOCKS, block_difference, calibration_losses
from penstock.trainer.evaluation.comparison import Comparison


def calibration_scores(comparison: Comparison, constant: Answers) -> CalibrationScores | None:
    """The scores; without a champion the constant's answers are the champion's. None for numbers, and for few rows."""
    labels, candidate = comparison.labels, comparison.candidate.probabilities
    champion = (comparison.champion or constant).probabilities
    if candidate is None or champion is None or len(labels) < BLOCKS:
        return None
    of_candidate, of_champion = (calibration_losses(labels, each) for each in (candidate, champion))
    return CalibrationScores(
        candidate=_score(of_candidate),
        champion=_score(of_champion),
        gain=_score(of_champion - of_candidate),
        log_loss=float(log_losses(candidate, labels.astype(np.int64)).mean()),
    )


def _score(losses: Floats) -> Score:
    mean = block_difference(losses)
    low, high = Interval(mean.low, mean.high).bounds
    return Score(value=float(losses.mean()), low=low, high=high, rows=len(losses))
