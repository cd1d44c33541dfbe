"""The candidate's decision rule: chosen on earlier rows than it is judged on, and kept by its package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.ml.metrics.objective import Objective
from penstock.ml.models.baseline import baseline
from penstock.ml.package.model_package import unpack
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.parquet_segments import outcome_table
from penstock.trainer.evaluation.rehearsal import rehearse
from penstock.trainer.training.decision_rule import with_decision_rule

from .conftest import Deployment, declaration, outcomes, request

N = 1000
KNOWN_AT = np.arange(N) + 10


def rare(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which one in ten is positive, and probabilities that rank them and are never above a half."""
    random = np.random.default_rng(seed)
    positive = 0.2 * random.random(N)
    labels = (random.random(N) < positive).astype(float)
    return labels, np.column_stack([1 - positive, positive])


def decide(labels: np.ndarray, outputs: np.ndarray, first: int) -> tuple[Any, list[Any]]:
    model = baseline("binary", ("no", "yes"), None, [])
    decided, (_, output) = with_decision_rule(model, Objective("f1", 2), labels, KNOWN_AT, outputs, slice(first, N))
    return decided.decision_costs, output.values


def test_the_judged_rows_choose_nothing() -> None:
    labels, outputs = rare()
    costs, answers = decide(labels, outputs, 700)
    other = np.concatenate([labels[:691], 1 - labels[691:]])  # those whose labels are not known at row 700
    assert costs is not None
    assert "yes" in answers
    assert decide(other, outputs, 700) == (costs, answers)


def test_rows_without_an_output_choose_nothing() -> None:
    labels, outputs = rare()
    outputs[:700] = np.nan
    costs, answers = decide(labels, outputs, 700)
    assert (costs, set(answers)) == (None, {"no"})


@pytest.mark.parametrize("families", [["linear"], ["linear", "additive"]])
@pytest.mark.parametrize(
    "objective",
    [
        {"metric": "f1"},
        {"metric": "balanced_accuracy"},
        {"metric": "cost", "costs": {"no": {"yes": 1.0}, "yes": {"no": 20.0}}},
    ],
    ids=lambda objective: objective["metric"],
)
async def test_a_package_keeps_the_rule_that_it_was_judged_by(
    deployment: Deployment, objective: dict[str, Any], families: list[str]
) -> None:
    stream = await deployment.declare(declaration(objective=objective, models={"families": families}))
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 400))
    (run,) = (await deployment.ask(request(until=400)))[-1:]
    assert run.candidate is not None, run.failure
    assert run.evaluation is not None
    assert run.evaluation.objective is not None
    model = unpack(deployment.store.get(run.candidate.digest))
    assert model.decision_costs is not None
    assert run.evaluation.decision_costs == model.decision_costs
    table = outcome_table(stream.declaration, range(400, 500), outcomes(stream.declaration, 100, first=400))
    later = rows_of(stream.declaration, [table])
    rehearsed = rehearse(model, later, 0, ("no", "yes")).answers
    assert rehearsed.probabilities is not None
    expected = (rehearsed.probabilities @ np.array(model.decision_costs)).argmin(axis=1)
    assert rehearsed.values.tolist() == expected.tolist()


async def test_without_such_an_objective_the_likeliest_class_is_answered(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration(objective={"metric": "log_loss"}))
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 400))
    (run,) = (await deployment.ask(request(until=400)))[-1:]
    assert run.candidate is not None
    assert run.evaluation is not None
    assert unpack(deployment.store.get(run.candidate.digest)).decision_costs is None
    assert "decision_costs" not in run.evaluation.model_dump()
