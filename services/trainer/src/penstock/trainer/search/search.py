"""Search over families and their settings: Optuna proposes, folds in time order score, bad trials are pruned.

The next proposal depends on the seed and the results of earlier trials only: a search that was cut off and is resumed
ends as if it had never been, unless its seconds ran out.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from penstock.contracts.declaration.model_lifecycle import SearchDeclaration
from penstock.ml.models.families import FAMILIES
from penstock.ml.models.search_space import ParameterRange
from penstock.ml.selection.cross_validation import (
    CandidateResult,
    CandidateSpec,
    CrossValidation,
    ValidationReport,
    failure_reason,
    selection_mean,
)
from penstock.ml.selection.validation_plan import Fold
from penstock.trainer.search.parallel import RunCalls, run_sequentially
from penstock.trainer.search.studies import Direction, open_study

MIN_COMPLETE_TRIALS = 5  # before others are compared with their median

FoldScore = tuple[float, float | None] | str
"""Score and log loss of a fold, or why there are none."""


def search(
    validation: CrossValidation,
    declared: SearchDeclaration,
    *,
    file: Path | None = None,
    run_calls: RunCalls = run_sequentially,
    width: int = 1,
) -> ValidationReport:
    """Validate every family with its defaults, and then settings proposed by a tree-structured Parzen estimator.

    (Bergstra and others, 2011.) A trial is pruned after a fold in which it is worse than half of those before; the
    defaults never are, so that no search ends worse than none. A trial that fails is left out with its reason. `width`
    trials run at once, by `run_calls`. Trials are kept in `file`, and taken over from it.

    Results come without outputs.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    direction: Direction = "maximize" if validation.objective.larger_is_better else "minimize"
    defaults = len(validation.default_candidates)
    pruner = MedianPruner(n_startup_trials=max(MIN_COMPLETE_TRIALS, defaults))
    study = optuna.create_study(direction=direction, pruner=pruner)
    stored = None if file is None else open_study(file, direction)
    if stored is not None:
        study.add_trials(stored.trials)
    while remaining := _remaining_trials(study, defaults, declared, width):
        for trial in _run_trials(study, validation, min(width, remaining), run_calls):
            if stored is not None:
                stored.add_trial(trial)
    return _report(study, validation)


def _remaining_trials(study: optuna.Study, defaults: int, declared: SearchDeclaration, width: int) -> int:
    """How many more trials to run: the defaults in any case, others while there is time."""
    if len(study.trials) < defaults:
        return defaults - len(study.trials)
    proposed = study.trials[defaults:]
    seconds = sum(trial.duration.total_seconds() for trial in proposed if trial.duration is not None)
    return max(0, declared.trials - len(proposed)) if seconds < declared.seconds * width else 0


def _run_trials(study: optuna.Study, validation: CrossValidation, count: int, run_calls: RunCalls) -> list[FrozenTrial]:
    """The next trials, side by side and fold by fold, to their end."""
    trials = [_new_trial(study, validation) for _ in range(count)]
    running = trials
    for number, fold in enumerate(validation.folds):
        scores = run_calls([partial(_fold_score, validation, candidate, fold) for _, candidate in running])
        is_last = number == len(validation.folds) - 1
        running = [
            pair
            for pair, score in zip(running, scores, strict=True)
            if _report_fold(study, pair[0], score, number, is_last)
        ]
    return [study.trials[trial.number] for trial, _ in trials]


def _new_trial(study: optuna.Study, validation: CrossValidation) -> tuple[Trial, CandidateSpec]:
    number, defaults = len(study.trials), validation.default_candidates
    if number < len(defaults):
        study.enqueue_trial(_parameters_of(defaults[number], validation))
    seed = np.random.SeedSequence([validation.seed, number]).generate_state(1)[0]
    study.sampler = TPESampler(seed=int(seed))
    trial = study.ask()
    return trial, _candidate_of(trial, validation)


def _fold_score(validation: CrossValidation, candidate: CandidateSpec, fold: Fold) -> FoldScore:
    try:
        result = validation.test(candidate, fold)
        return result.score, result.log_loss
    except Exception as error:  # whatever a learner raises, the others still run
        return failure_reason(error)


def _report_fold(study: optuna.Study, trial: Trial, fold_score: FoldScore, number: int, is_last: bool) -> bool:
    """Report a trial's fold, and end the trial if it failed, is pruned, or has no further fold: whether it goes on."""
    if isinstance(fold_score, str):
        trial.set_user_attr("failure", fold_score)
        study.tell(trial, state=TrialState.FAIL)
        return False
    score, log_loss = fold_score
    trial.report(score, number)
    if log_loss is not None:
        trial.set_user_attr("log_losses", [*trial.user_attrs.get("log_losses", ()), log_loss])
    if is_last:
        study.tell(trial, selection_mean(_scores(study.trials[trial.number])))
    elif trial.should_prune():
        study.tell(trial, state=TrialState.PRUNED)
        return False
    return True


def _scores(trial: FrozenTrial) -> list[float]:
    return [score for _, score in sorted(trial.intermediate_values.items())]


def _candidate_of(trial: Trial | FrozenTrial, validation: CrossValidation) -> CandidateSpec:
    """The candidate of a trial; parameters that have no value yet are suggested by the study's sampler."""
    family = str(trial.suggest_categorical("family", list(validation.families)))
    start = int(trial.suggest_categorical("start", list(validation.starts)))
    window = int(trial.suggest_categorical("window", list(validation.windows)))
    lag_features = bool(trial.suggest_categorical("lagged", list(validation.lag_options)))
    ranges = FAMILIES[family].ranges(validation.data.task)
    values = [_value(trial, f"{family}.{parameter.name}", parameter) for parameter in ranges]
    if all(value == parameter.default for value, parameter in zip(values, ranges, strict=True)):
        return CandidateSpec(family, start, lag_features, window=window)
    settings = tuple((parameter.name, value) for parameter, value in zip(ranges, values, strict=True))
    return CandidateSpec(family, start, lag_features, settings, window)


def _value(trial: Trial | FrozenTrial, name: str, parameter: ParameterRange) -> float:
    """Four digits of a number are enough, and readable."""
    if parameter.is_integer:
        return trial.suggest_int(name, int(parameter.low), int(parameter.high), log=parameter.log)
    return float(f"{trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log):.4g}")


def _parameters_of(candidate: CandidateSpec, validation: CrossValidation) -> dict[str, Any]:
    """The trial parameters of a candidate with default settings."""
    ranges = FAMILIES[candidate.family].ranges(validation.data.task)
    rows = {"start": candidate.start, "window": candidate.window}
    plain = {"family": candidate.family, "lagged": candidate.lag_features}
    return plain | rows | {f"{candidate.family}.{parameter.name}": parameter.default for parameter in ranges}


def _report(study: optuna.Study, validation: CrossValidation) -> ValidationReport:
    results: dict[CandidateSpec, CandidateResult] = {}
    failed: dict[str, str] = {}
    for trial in study.trials:
        candidate = _candidate_of(trial, validation)
        if trial.state is TrialState.COMPLETE:
            results[candidate] = CandidateResult(_scores(trial), trial.user_attrs.get("log_losses", []))
        elif trial.state is TrialState.FAIL:
            failed[candidate.name] = trial.user_attrs["failure"]
    return ValidationReport(results, failed, sum(trial.state is TrialState.PRUNED for trial in study.trials))
