"""Training/serving skew: lag features of predictions against those recomputed from the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penstock.contracts.records.training import Skew
from penstock.ml.features import key_history
from penstock.ml.features.frame import Frame, column, times
from penstock.ml.features.history_rows import HistoryRows
from penstock.ml.features.lag_features import LabelHistory, Lags, with_lag_features
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.evaluation.skew import skew_of

from .conftest import declaration

COUNT, LATE = 60, 7
LAGS = Lags((1, 3), 4, (("load", 5),))


def rows_with_predictions(**changes: Any) -> TrainingRows:
    """Rows of three entities, answered by what was known `LATE` outcomes before; outcome n is at offset n + 100."""
    labels = ["yes" if n % 3 and n % 5 else "no" for n in range(COUNT)]
    entities: list[str | None] = [f"e{n % 3}" for n in range(COUNT)]
    learnt_to = np.maximum(np.arange(COUNT) - LATE, 0) + 100
    history, features = LabelHistory(LAGS), []
    for n in range(COUNT):
        if n > LATE:
            history.add(entities[n - LATE - 1], float(labels[n - LATE - 1] == "yes"), [float(n - LATE - 1)])
        features.append(history.features([entities[n]])[0])
    when = times(["2026-01-01"] * COUNT)
    fields: dict[str, Any] = {
        "frame": with_lag_features(Frame({"load": np.arange(COUNT, dtype=float)}, when), LAGS, np.array(features)),
        "labels": labels,
        "label_times": when,
        "offsets": np.arange(COUNT) + 100,
        "learnt_to": learnt_to,
        "entities": entities,
    }
    return TrainingRows(**{**fields, **changes})


def test_key_histories_are_worked_out_alike_where_keys_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_history, "MAX_KEYS", 3)
    fields = {"load": {"type": "number"}, "region": {"type": "category"}, "wind": {"type": "integer"}}
    stream = declaration(fields=fields, history={"keys": ["region", ["region", "wind"]]})
    lags, plain = Lags.of(stream), rows_with_predictions()
    columns = {
        "region": column("category", [f"r{n * n % 7}" for n in range(COUNT)]),
        "wind": np.arange(COUNT) % 2.0,
    }
    frame = Frame(columns, times([n * 1000 for n in range(COUNT)]))
    rows, served, features = HistoryRows.of(lags, frame, plain.entities), LabelHistory(lags), []
    for n in range(COUNT):
        if n > LATE:
            rows.add_to(served, [float(label == "yes") for label in plain.labels], [n - LATE - 1])
        features.append(rows.features_of_row(served, n))
    assert 0 in [row[0] for row in features[30:]], "keys were dropped"
    with_features = replace(plain, frame=with_lag_features(frame, lags, np.array(features)))
    assert skew_of(stream, with_features) == Skew(rows=COUNT, differing=0)
    with_features.frame.columns["history.region.recent"][COUNT - 1] += 0.01
    assert skew_of(stream, with_features) == Skew(rows=COUNT, differing=1)


def declared(**lags: Any) -> Any:
    return declaration(lags=lags)


def test_predictions_with_the_right_lag_features_show_no_skew() -> None:
    assert skew_of(declared(label=[1, 3], mean=4, inputs={"load": [5]}), rows_with_predictions()) == Skew(
        rows=COUNT, differing=0
    )


def test_a_prediction_with_other_lag_features_is_counted() -> None:
    rows = rows_with_predictions()
    rows.frame.columns["known.3"][20:25] += 1
    assert skew_of(declared(label=[1, 3], mean=4, inputs={"load": [5]}), rows) == Skew(rows=COUNT, differing=5)


def test_a_prediction_that_knew_the_future_is_counted() -> None:
    rows = rows_with_predictions(learnt_to=np.zeros(COUNT, dtype=np.int64) + 100)
    found = skew_of(declared(label=[1, 3], mean=4, inputs={"load": [5]}), rows)
    assert found is not None
    assert found.differing > COUNT / 2


def test_without_lags_or_answers_there_is_nothing_to_compare() -> None:
    assert skew_of(declared(), rows_with_predictions()) is None
    unstated = rows_with_predictions(learnt_to=np.full(COUNT, -1))
    assert skew_of(declared(label=[1, 3], mean=4, inputs={"load": [5]}), unstated) is None
