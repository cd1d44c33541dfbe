"""What the history of a key says is an expert of a blend by itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Frame, times
from penstock.ml.features.key_history import PACES, HistoryKeys
from penstock.ml.features.lag_features import LabelHistory, Lags, with_lag_features
from penstock.ml.online.blend import Blend
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.key_forecasts import SMALLEST, forecast_features, key_forecasts
from penstock.ml.online.prequential import evaluate_prequentially

SHOP, TILL = ("shop",), ("till",)


def frame_with(history: HistoryKeys, features: NDArray[np.float64]) -> Frame:
    """Rows with these features of keys, shape (n, d)."""
    plain = Frame({}, times([f"2026-01-01T00:00:{row % 60:02}" for row in range(len(features))]))
    return with_lag_features(plain, Lags(history=history), features)


def test_it_is_the_means_at_each_pace() -> None:
    numbers = HistoryKeys((SHOP, TILL))
    features = np.arange(20.0).reshape(2, 10)
    expected = features[:, [2, 3, 4, 7, 8, 9]]
    assert key_forecasts(numbers, (), frame_with(numbers, features))[..., 0].tolist() == expected.tolist()
    shares = HistoryKeys((SHOP,), ("b", "c"))
    row = [[9.0, 1.0, 0.2, 0.3, 0.0, 0.0, np.nan, np.nan]]
    found = key_forecasts(shares, ("a", "b", "c"), frame_with(shares, np.array(row)))
    assert found[0, 0].tolist() == pytest.approx([0.5, 0.2, 0.3])
    assert found[0, 1].tolist() == pytest.approx([1.0, SMALLEST, SMALLEST])
    assert np.isnan(found[0, 2]).all()


@pytest.mark.parametrize("classes", [("a", "c", "b"), ("a", "b", "c", "d"), ()])
def test_shares_of_other_classes_forecast_nothing(classes: tuple[str, ...]) -> None:
    shares = HistoryKeys((SHOP,), ("b", "c"))
    assert forecast_features(shares, classes) == ()
    assert key_forecasts(shares, classes, frame_with(shares, np.zeros((4, 8)))).shape == (4, 0, len(classes) or 1)


def test_the_key_that_tells_gets_the_weight_and_the_other_none() -> None:
    random, lags = np.random.default_rng(1), Lags(history=HistoryKeys((SHOP, TILL), ("yes",)))
    classes, n = ("no", "yes"), 2000
    chances = random.choice([0.02, 0.7], n)
    targets = (random.random(n) < chances).astype(float)
    said = np.column_stack([np.zeros((n, 2)), *[chances] * 3, np.zeros((n, 2)), *[np.full(n, targets.mean())] * 3])
    frame = frame_with(lags.history, said)
    mixture = ExpertMixture(len(forecast_features(lags.history, classes)))
    blend = Blend("binary", classes, Encoder((), {}), lags, (), (), mixture, LabelHistory(lags))
    outputs = evaluate_prequentially(blend, frame, blend.frozen_outputs(frame), targets, np.arange(n))
    of_telling_key = mixture.weights[:, : len(PACES)].sum(axis=1)
    assert mixture.forecaster_weights[0] @ of_telling_key > 0.9
    assert np.abs(outputs[-500:, 1] - chances[-500:]).mean() < 0.03
