"""Whether a champion that falls short makes room for a model of before, and for which."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.training import ReturnEvidence


def decide_return(
    epochs: Sequence[ModelEpoch], shortfall: int, evidence: Sequence[ReturnEvidence]
) -> ReturnEvidence | None:
    """The evidence of the version to return to; None if the champion stays.

    The champion is the one of the epoch `shortfall`, without another since. The version has served, is better by its
    anytime bound, and was not returned from itself; of several it is the one with the highest bound. There is one
    automatic return at most until a model passes the gate again.

    Args:
        epochs: the stream's, in order.
        shortfall: the epoch whose champion loses more than its holdout showed.
        evidence: what a return would gain, of the versions that may serve.
    """
    if not epochs or _champions_since(epochs, shortfall) != {epochs[-1].champion.version} or _has_returned(epochs):
        return None
    allowed = {epoch.champion.version for epoch in epochs} - barred_versions(epochs) - {epochs[-1].champion.version}
    better = [each for each in evidence if each.version in allowed and each.low is not None and each.low > 0]
    return max(better, key=lambda each: each.low or 0.0, default=None)


def is_automatic_return(epoch: ModelEpoch) -> bool:
    """Whether a training run's record led to this return; a person's has no record as its cause."""
    return epoch.reason == "rollback" and epoch.cause is not None


def barred_versions(epochs: Sequence[ModelEpoch]) -> set[int]:
    """The versions that were returned from automatically: none of them serves again by itself."""
    return {before.champion.version for before, epoch in pairwise(epochs) if is_automatic_return(epoch)}


def _champions_since(epochs: Sequence[ModelEpoch], number: int) -> set[int]:
    return {epoch.champion.version for epoch in epochs if epoch.epoch >= number}


def _has_returned(epochs: Sequence[ModelEpoch]) -> bool:
    """Whether there was an automatic return since the last promotion by the gate."""
    for epoch in reversed(epochs):
        if epoch.reason == "promotion":
            return False
        if is_automatic_return(epoch):
            return True
    return False
