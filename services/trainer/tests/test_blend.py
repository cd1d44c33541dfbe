"""On a stream that learns from every outcome, the candidate is a blend that was evaluated prequentially."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import unpack

from .conftest import Deployment, declaration, outcomes, request

LEARNING: dict[str, Any] = {
    "models": {"families": ["linear", "additive"]},
    "lags": {"label": [1, 2], "mean": 5},
}


def with_predictions(outcome_list: list[Any], late: int = 10) -> list[Any]:
    """The outcomes as of a server that knew all but the `late` newest ones when it answered."""
    labels = [outcome.data.label for outcome in outcome_list]
    labels = [float(label == "yes") if isinstance(label, str) else label for label in labels]
    for number, outcome in enumerate(outcome_list):
        prediction = outcome.data.prediction
        prediction.learnt_to = max(number - late, 0)
        past = labels[: prediction.learnt_to]
        prediction.lag_features = [past[-k] if k <= len(past) else None for k in (1, 2)]
        prediction.lag_features.append(float(np.mean(past[-5:])) if past else None)
    return outcome_list


async def train_blend(deployment: Deployment, count: int = 400, **changes: Any) -> tuple[Blend, Any]:
    stream = await deployment.declare(declaration(**LEARNING | changes))
    await deployment.start()
    await deployment.give(with_predictions(outcomes(stream.declaration, count)))
    run = (await deployment.ask(request(until=count)))[-1]
    assert run.candidate is not None, run.failure
    model = unpack(deployment.store.get(run.candidate.digest))
    assert isinstance(model, Blend)
    return model, run


@pytest.mark.parametrize("changes", [{}, {"task": "regression", "label": {"name": "price"}}])
async def test_it_begins_where_its_dataset_ends(deployment: Deployment, changes: dict[str, Any]) -> None:
    blend, run = await train_blend(deployment, **changes)
    assert (run.candidate.family, blend.learnt_to) == ("blend", 400)
    labels = [one.data.label for one in outcomes(declaration(**LEARNING | changes), 400)]
    newest = [blend.class_index.number(label) for label in labels[:-6:-1]]
    assert blend.label_history.features([None])[0] == pytest.approx([newest[0], newest[1], np.mean(newest)])
    assert len({model.encoder.names for model in blend.frozen_models}) == 2, "with lags and without"


async def test_it_is_evaluated_by_its_prequential_answers(deployment: Deployment) -> None:
    _, run = await train_blend(deployment)
    assert run.evaluation.candidate.rows == run.evaluation.champion.rows >= 50
    assert run.evaluation.gain.low > 0


@pytest.mark.parametrize("families", [["linear"], ["linear", "additive"]])
async def test_what_only_labels_from_later_can_tell_is_not_learnt(deployment: Deployment, families: list[str]) -> None:
    """Rows of a case have one label, and these all come after the last event; those of other rows are chance."""
    stream = await deployment.declare(declaration(models={"families": families}))
    await deployment.start()
    rng, found = np.random.default_rng(3), outcomes(stream.declaration, 900)
    for outcome in found:
        case = int(rng.integers(12)) if rng.random() < 0.4 else None
        outcome.data.label = ["no", "yes"][int(rng.integers(2)) if case is None else case % 2]
        outcome.data.fields.f2 = f"case {case}"
        outcome.data.label_time += timedelta(0) if case is None else timedelta(days=9)
    await deployment.give(sorted(found, key=lambda outcome: outcome.data.label_time))
    run = (await deployment.ask(request(until=900)))[-1]
    assert run.evaluation is not None, run.failure
    assert run.evaluation.candidate.value < 0.57


async def test_without_lags_and_growing_families_a_model_stays_as_it_was_trained(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 400))
    run = (await deployment.ask(request(until=400)))[-1]
    assert run.candidate is not None
    assert (run.candidate.family, run.learnt_from) == ("linear", 0)


async def test_a_change_adds_models_of_what_came_since(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration(**LEARNING))
    await deployment.start()
    await deployment.give(with_predictions(outcomes(stream.declaration, 600)))
    changed = request(until=600).model_copy(update={"since": 300, "reason": "drift"})
    run = (await deployment.ask(changed))[-1]
    assert run.candidate is not None, run.failure
    blend = unpack(deployment.store.get(run.candidate.digest))
    assert isinstance(blend, Blend)
    assert sorted({model.details["rows"] for model in blend.frozen_models[:-1]}) == [300, 600]
    assert blend.frozen_models[-1].family == "baseline", "the constant is an expert, too"
    assert run.learnt_from == 0


async def test_models_of_earlier_changes_compete_too(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration(**LEARNING))
    await deployment.start()
    await deployment.give(with_predictions(outcomes(stream.declaration, 600)))
    changes = {"since": 450, "earlier_changes": (300, 0), "reason": "drift"}
    run = (await deployment.ask(request(until=600).model_copy(update=changes)))[-1]
    assert run.candidate is not None, run.failure
    assert (run.since, run.earlier_changes) == (450, (300, 0))
    blend = unpack(deployment.store.get(run.candidate.digest))
    assert isinstance(blend, Blend)
    assert sorted({model.details["rows"] for model in blend.frozen_models[:-1]}) == [150, 300, 600]


async def test_answers_from_before_lags_were_declared_do_for_training(deployment: Deployment) -> None:
    declared: Declaration = declaration(**LEARNING)
    await deployment.declare(declared)
    await deployment.start()
    await deployment.give(outcomes(declared, 300))
    run = (await deployment.ask(request(until=300)))[-1]
    assert run.candidate is not None, run.failure
