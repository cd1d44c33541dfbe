"""What can be set about a family, and within which bounds it is worth a search: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.ml.models.model import Task

Settings = tuple[tuple[str, float], ...]
"""Names, as the estimator calls them, and values, in the order of the family's ranges; none: as the family has it."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number to be set: its bounds, both included, and its `default`; a whole number where the default is one.

    `log` says that steps count by factors rather than by differences.
    """

    name: str
    low: float
    high: float
    default: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers will do."""
        return isinstance(self.default, int)


def nothing(_: Task) -> tuple[Range, ...]:
    """For a family that has nothing to set."""
    return ()


def linear(task: Task) -> tuple[Range, ...]:
    """How far weights are held back: `C` loosens, `alpha` tightens."""
    if task == "regression":
        return (Range("learner__alpha", 0.01, 1000.0, 1.0, log=True),)
    return (Range("learner__C", 0.001, 100.0, 1.0, log=True),)


def boosting(task: Task) -> tuple[Range, ...]:
    """No more leaves than a fused tree can have (`fused.masks`)."""
    regression = task == "regression"
    return (
        Range("learning_rate", 0.01, 0.3, 0.1 if regression else 0.08, log=True),
        Range("max_iter", 50, 400, 150, log=True),
        Range("max_leaf_nodes", 4, 31, 31, log=True),
        Range("min_samples_leaf", 5, 150, 20 if regression else 30, log=True),
        Range("l2_regularization", 0.0, 50.0, 0.0 if regression else 5.0),
        Range("max_features", 0.2, 1.0, 1.0 if regression else 0.5),
    )


def forest(_: Task) -> tuple[Range, ...]:
    """Bounds on trees and leaves bound the size: at most some 30 MB."""
    return (
        Range("learner__n_estimators", 30, 150, 60, log=True),
        Range("learner__max_leaf_nodes", 16, 1500, 500, log=True),
        Range("learner__min_samples_leaf", 1, 50, 3, log=True),
        Range("learner__max_features", 0.1, 1.0, 0.4),
    )


def described(settings: Settings) -> str:
    """Settings in a few words, without the steps of a pipeline.

    >>> described((("learner__C", 0.5), ("max_iter", 200)))
    'C 0.5, max_iter 200'
    """
    return ", ".join(f"{name.rpartition('__')[2]} {value:g}" for name, value in settings)
