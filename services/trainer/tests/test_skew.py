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
from penstock.trainer.data.earlier_history import EarlierHistory
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


KEYS = declaration(
    fields={"load": {"type": "number"}, "region": {"type": "category"}, "wind": {"type": "integer"}},
    lags={"label": [1]},
    history={"keys": ["region", ["region", "wind"]]},
)


def rows_with_keys() -> TrainingRows:
    """The rows, as answered with the histories of seven regions."""
    lags, plain = Lags.of(KEYS), rows_with_predictions()
    regions = column("category", [f"r{n * n % 7}" for n in range(COUNT)])
    frame = Frame({"region": regions, "wind": np.arange(COUNT) % 2.0}, times([n * 1000 for n in range(COUNT)]))
    rows, served, features = HistoryRows.of(lags, frame, plain.entities), LabelHistory(lags), []
    for n in range(COUNT):
        if n > LATE:
            rows.add_to(served, [float(label == "yes") for label in plain.labels], [n - LATE - 1])
        features.append(rows.features_of_row(served, n))
    return replace(plain, frame=with_lag_features(frame, lags, np.array(features)))


def test_key_histories_are_worked_out_alike_where_keys_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_history, "MAX_KEYS", 3)
    rows = rows_with_keys()
    assert 0 in rows.frame.columns["history.region.count"][30:], "keys were dropped"
    assert skew_of(KEYS, rows) == Skew(rows=COUNT, differing=0)
    rows.frame.columns["history.region.recent"][COUNT - 1] += 0.01
    assert skew_of(KEYS, rows) == Skew(rows=COUNT, differing=1)


def part(rows: TrainingRows, kept: slice, **changes: Any) -> TrainingRows:
    """The rows at a slice."""
    arrays = {name: getattr(rows, name)[kept] for name in ("labels", "label_times", "offsets", "learnt_to", "entities")}
    return replace(rows, frame=rows.frame.take(kept), **arrays, **changes)


def test_where_older_outcomes_are_left_out_histories_go_on_from_what_the_champion_knew() -> None:
    whole = rows_with_keys()
    newest = part(whole, slice(20, None), first_offset=120)
    champion = EarlierHistory(part(whole, slice(30)).label_history(KEYS), 130)
    assert skew_of(KEYS, newest) is None, "nobody knows what went before"
    continued = replace(newest, earlier=champion)
    expected, found = whole.label_history(KEYS), continued.label_history(KEYS)
    assert found.to_dict() == expected.to_dict()
    assert all(np.array_equal(a.table, b.table) for a, b in zip(found.keys, expected.keys, strict=True))
    assert skew_of(KEYS, continued) == Skew(rows=COUNT - 30 - LATE, differing=0)
    assert newest.label_history(KEYS).to_dict() != expected.to_dict()


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
