"""The candidate's calibration: chosen on earlier rows than it is judged on, kept by its package, and reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.metrics.objective import Answers
from penstock.ml.models.baseline import baseline
from penstock.ml.models.calibration import Calibration
from penstock.ml.package.model_package import unpack
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.parquet_segments import outcome_table
from penstock.trainer.evaluation.calibration_scores import calibration_scores
from penstock.trainer.evaluation.comparison import Comparison
from penstock.trainer.evaluation.rehearsal import rehearse
from penstock.trainer.training.calibration import with_calibration

from .conftest import Deployment, declaration, outcome, request

N = 1000
KNOWN_AT = np.arange(N) + 10
TOO_SURE = Calibration(3.0, (0.0, 0.0))


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the probabilities that they were drawn by."""
    random = np.random.default_rng(seed)
    positive = random.uniform(0.05, 0.95, N)
    return (random.random(N) < positive).astype(float), np.column_stack([1 - positive, positive])


def choose(labels: np.ndarray, outputs: np.ndarray, first: int = 700) -> tuple[Calibration | None, np.ndarray]:
    model = baseline("binary", ("no", "yes"), None, [])
    chosen, answered = with_calibration(model, labels, KNOWN_AT, outputs, slice(first, N))
    return chosen.calibration, answered


def test_the_judged_rows_choose_nothing() -> None:
    labels, true = rows()
    outputs = TOO_SURE.apply(true)
    calibration, answered = choose(labels, outputs)
    assert calibration is not None
    assert np.array_equal(answered, calibration.apply(outputs))
    other = np.concatenate([labels[:691], 1 - labels[691:]])  # those whose labels are not known at row 700
    assert choose(other, outputs)[0] == calibration


def test_rows_without_an_output_choose_nothing() -> None:
    labels, true = rows()
    outputs = TOO_SURE.apply(true)
    outputs[:100] = np.nan
    calibration, answered = choose(labels, outputs)
    assert calibration is not None
    assert np.isnan(answered).any(axis=1).tolist() == [True] * 100 + [False] * 900
    assert choose(np.concatenate([1 - labels[:100], labels[100:]]), outputs)[0] == calibration


def test_calibrated_outputs_and_numbers_stay_as_they_are() -> None:
    labels, true = rows()
    calibration, answered = choose(labels, true)
    assert calibration is None
    assert answered is true
    number = baseline("regression", (), 0.0, [])
    assert with_calibration(number, labels, KNOWN_AT, true[:, :1], slice(700, N)) == (
        number,
        pytest.approx(true[:, :1]),
    )


def noisy_outcomes(stream: StreamDeclared, first: int, count: int) -> list[Any]:
    """Two labels in five are wrong: what boosted trees learn by heart, and are too sure of."""
    random = np.random.default_rng(first)
    turned = random.random(count) < 0.4
    return [
        outcome(stream.declaration, number, random, turned=bool(turned[number - first]))
        for number in range(first, first + count)
    ]


async def test_a_package_is_judged_as_it_will_serve(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration(objective={"metric": "f1"}, models={"families": ["boosting"]}))
    await deployment.start()
    await deployment.give(noisy_outcomes(stream, 0, 900))
    (run,) = (await deployment.ask(request(until=900)))[-1:]
    assert run.candidate is not None, run.failure
    assert run.evaluation is not None
    assert run.evaluation.calibration is not None
    assert run.evaluation.calibration_losses is not None
    assert run.evaluation.calibration_losses.candidate.value < 0.05 < run.evaluation.calibration_losses.log_loss < 0.75
    model = unpack(deployment.store.get(run.candidate.digest))
    assert model.calibration is not None
    assert run.evaluation.calibration.model_dump() == {
        "scale": model.calibration.scale,
        "biases": dict(zip(("no", "yes"), model.calibration.biases, strict=True)),
    }
    later = rows_of(
        stream.declaration, [outcome_table(stream.declaration, range(900, 1000), noisy_outcomes(stream, 900, 100))]
    )
    answered, plain = (
        rehearse(each, later, 0, ("no", "yes")).answers.probabilities
        for each in (model, replace(model, calibration=None))
    )
    assert plain is not None
    assert answered == pytest.approx(model.calibration.apply(plain))


def comparison(labels: np.ndarray, candidate: np.ndarray, champion: np.ndarray | None) -> Comparison:
    answers = [
        None if each is None else Answers(each.argmax(axis=1).astype(float), each) for each in (candidate, champion)
    ]
    assert answers[0] is not None
    return Comparison(None, np.arange(N), ("no", "yes"), labels, answers[0], answers[1])  # type: ignore[arg-type]


def test_bad_calibration_is_told_apart_from_what_a_model_does_not_know() -> None:
    labels, true = rows()
    vague = np.full((N, 2), 0.5)
    scores = calibration_scores(comparison(labels, TOO_SURE.apply(true), vague), Answers(labels))
    assert scores is not None
    assert scores.gain.high is not None
    assert scores.gain.high < -0.1  # the vague one knows nothing, and says so
    assert scores.champion.value < 0.005
    assert scores.log_loss > scores.candidate.value > 0.1
