"""Families and their settings searched together: Optuna proposes, folds in time order judge, the hopeless are given up.

What is proposed next depends on the seed, on what came of the trials before, and on nothing else: a search that was cut
off and goes on ends as if it had never been, unless its seconds ran out.
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
from penstock.ml.models.search_space import Range
from penstock.ml.selection.cross_validation import CandidateSpec, CrossValidation, Judged, Record, reason_of
from penstock.ml.selection.folds import Fold
from penstock.trainer.search.parallel import Together, one_by_one
from penstock.trainer.search.studies import Direction, reopened

FEWEST_COMPLETE = 5  # trials, before others are measured by their median

Outcome = tuple[float, float | None] | str
"""Score and log loss of a fold, or why there are none."""


def search(
    contest: CrossValidation,
    asked: SearchDeclaration,
    *,
    file: Path | None = None,
    together: Together = one_by_one,
    width: int = 1,
) -> Judged:
    """Try every family as it is, and then settings that Optuna's estimator of tree-structured densities proposes.

    (Bergstra and others, 2011.) A trial is given up after a fold in which it is worse than half of those before; the
    families as they are never are, so no search ends worse than none. One that fails is told of and left out. `width`
    trials are under way at once, made `together`. What has been tried is kept in `file`, and taken over from it.

    Records come without answers.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    direction: Direction = "minimize" if contest.task == "regression" else "maximize"
    first = contest.as_they_are
    pruner = MedianPruner(n_startup_trials=max(FEWEST_COMPLETE, len(first)))
    study = optuna.create_study(direction=direction, pruner=pruner)
    kept = None if file is None else reopened(file, direction)
    if kept is not None:
        study.add_trials(kept.trials)
    while left := _left(study, len(first), asked, width):
        for trial in _tried(study, contest, min(width, left), together):
            if kept is not None:
                kept.add_trial(trial)
    return _judged(study, contest)


def _left(study: optuna.Study, first: int, asked: SearchDeclaration, width: int) -> int:
    """How many more trials are to be made: the `first` ones whatever they take, others while there is time."""
    if len(study.trials) < first:
        return first - len(study.trials)
    made = study.trials[first:]
    seconds = sum(trial.duration.total_seconds() for trial in made if trial.duration is not None)
    return max(0, asked.trials - len(made)) if seconds < asked.seconds * width else 0


def _tried(study: optuna.Study, contest: CrossValidation, count: int, together: Together) -> list[FrozenTrial]:
    """The next trials, side by side and fold by fold, to their end."""
    asked = [_asked(study, contest) for _ in range(count)]
    going = asked
    for place, fold in enumerate(contest.splits):
        outcomes = together([partial(_outcome, contest, contender, fold) for _, contender in going])
        last = place == len(contest.splits) - 1
        going = [
            pair
            for pair, outcome in zip(going, outcomes, strict=True)
            if _goes_on(study, pair[0], outcome, place, last)
        ]
    return [study.trials[trial.number] for trial, _ in asked]


def _asked(study: optuna.Study, contest: CrossValidation) -> tuple[Trial, CandidateSpec]:
    number = len(study.trials)
    if number < len(contest.as_they_are):
        study.enqueue_trial(_as_drawn(contest.as_they_are[number], contest))
    seed = np.random.SeedSequence([contest.seed, number]).generate_state(1)[0]
    study.sampler = TPESampler(seed=int(seed))
    trial = study.ask()
    return trial, _drawn(trial, contest)


def _outcome(contest: CrossValidation, contender: CandidateSpec, fold: Fold) -> Outcome:
    try:
        result = contest.test(contender, fold)
        return result.score, result.log_loss
    except Exception as error:  # whatever a learner raises, the others still run
        return reason_of(error)


def _goes_on(study: optuna.Study, trial: Trial, outcome: Outcome, place: int, last: bool) -> bool:
    """Take in what came of a trial's fold, and end the trial if it failed, is hopeless, or has no further fold."""
    if isinstance(outcome, str):
        trial.set_user_attr("failure", outcome)
        study.tell(trial, state=TrialState.FAIL)
        return False
    score, log_loss = outcome
    trial.report(score, place)
    if log_loss is not None:
        trial.set_user_attr("log_losses", [*trial.user_attrs.get("log_losses", ()), log_loss])
    if last:
        study.tell(trial, float(np.mean(_scores(study.trials[trial.number]))))
    elif trial.should_prune():
        study.tell(trial, state=TrialState.PRUNED)
        return False
    return True


def _scores(trial: FrozenTrial) -> list[float]:
    return [score for _, score in sorted(trial.intermediate_values.items())]


def _drawn(trial: Trial | FrozenTrial, contest: CrossValidation) -> CandidateSpec:
    """Who contends in a trial."""
    family = str(trial.suggest_categorical("family", list(contest.families)))
    start = int(trial.suggest_categorical("start", list(contest.starts)))
    lagged = bool(trial.suggest_categorical("lagged", list(contest.views)))
    ranges = FAMILIES[family].ranges(contest.task)
    values = [_value(trial, f"{family}.{each.name}", each) for each in ranges]
    if all(value == each.default for value, each in zip(values, ranges, strict=True)):
        return CandidateSpec(family, start, lagged)
    return CandidateSpec(family, start, lagged, tuple((each.name, v) for each, v in zip(ranges, values, strict=True)))


def _value(trial: Trial | FrozenTrial, name: str, wanted: Range) -> float:
    """Four digits of a number are enough, and can be read."""
    if wanted.whole:
        return trial.suggest_int(name, int(wanted.low), int(wanted.high), log=wanted.log)
    return float(f"{trial.suggest_float(name, wanted.low, wanted.high, log=wanted.log):.4g}")


def _as_drawn(contender: CandidateSpec, contest: CrossValidation) -> dict[str, Any]:
    """What a trial must draw for a contender as it is."""
    ranges = FAMILIES[contender.family].ranges(contest.task)
    plain = {"family": contender.family, "start": contender.start, "lagged": contender.lagged}
    return plain | {f"{contender.family}.{each.name}": each.default for each in ranges}


def _judged(study: optuna.Study, contest: CrossValidation) -> Judged:
    records: dict[CandidateSpec, Record] = {}
    failed: dict[str, str] = {}
    for trial in study.trials:
        contender = _drawn(trial, contest)
        if trial.state is TrialState.COMPLETE:
            records[contender] = Record(_scores(trial), trial.user_attrs.get("log_losses", []))
        elif trial.state is TrialState.FAIL:
            failed[contender.name] = trial.user_attrs["failure"]
    return Judged(records, failed, sum(trial.state is TrialState.PRUNED for trial in study.trials))
