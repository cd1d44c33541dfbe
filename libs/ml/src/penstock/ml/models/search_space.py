"""The parameters of each family that a search may set, with their bounds and defaults."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.ml.features.task import Task

Settings = tuple[tuple[str, float], ...]
"""Parameters as the estimator names them, with values, in the order of the family's ranges; none: all defaults."""


@dataclass(frozen=True, slots=True)
class ParameterRange:
    """A parameter: its bounds, both included, and its `default`; an integer where the default is one.

    With `log` the search samples it on a logarithmic scale.
    """

    name: str
    low: float
    high: float
    default: float
    log: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether the parameter takes integers only."""
        return isinstance(self.default, int)


def no_parameters(_: Task) -> tuple[ParameterRange, ...]:
    """For a family without parameters to search."""
    return ()


def linear(task: Task) -> tuple[ParameterRange, ...]:
    """Regularisation: a larger `C` means less of it, a larger `alpha` more."""
    if task == "regression":
        return (ParameterRange("learner__alpha", 0.01, 1000.0, 1.0, log=True),)
    return (ParameterRange("learner__C", 0.001, 100.0, 0.3, log=True),)


def boosting(task: Task) -> tuple[ParameterRange, ...]:
    """Rounds, tree size and regularisation; no more leaves than a fused tree can have (`fused.leaf_masks`)."""
    regression = task == "regression"
    return (
        ParameterRange("learning_rate", 0.01, 0.3, 0.1 if regression else 0.08, log=True),
        ParameterRange("max_iter", 50, 400, 150, log=True),
        ParameterRange("max_leaf_nodes", 4, 31, 31, log=True),
        ParameterRange("min_samples_leaf", 5, 150, 20 if regression else 30, log=True),
        ParameterRange("l2_regularization", 0.0, 50.0, 0.0 if regression else 5.0),
        ParameterRange("max_features", 0.2, 1.0, 1.0 if regression else 0.5),
    )


def forest(_: Task) -> tuple[ParameterRange, ...]:
    """Number and size of trees; their upper bounds keep a model below some 30 MB."""
    return (
        ParameterRange("learner__n_estimators", 30, 150, 60, log=True),
        ParameterRange("learner__max_leaf_nodes", 16, 1500, 500, log=True),
        ParameterRange("learner__min_samples_leaf", 1, 50, 3, log=True),
        ParameterRange("learner__max_features", 0.1, 1.0, 0.4),
    )


def describe(settings: Settings) -> str:
    """Settings as a short text, without the step names of a pipeline.

    >>> describe((("learner__C", 0.5), ("max_iter", 200)))
    'C 0.5, max_iter 200'
    """
    return ", ".join(f"{name.rpartition('__')[2]} {value:g}" for name, value in settings)
