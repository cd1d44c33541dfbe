"""Missing values, new categories and values out of range, by exact tests over the counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.share_tests import Share, p_values, share_drifts
from penstock.ml.drift.volume import MIN_RATES, TRAILING_RATES, exceeded_volume_bound

RANDOM = np.random.default_rng(0)
LOAD = RANDOM.normal(size=5000)
PROFILE = {
    "load": ReferenceBins.of(LOAD, "number"),
    "town": ReferenceBins.of(np.array([f"t{n % 7}" for n in range(5000)], dtype=object), "category"),
    "gap": ReferenceBins.of(np.where(RANDOM.random(5000) < 0.4, np.nan, LOAD), "number"),
}
SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300), st.floats(0, 1), st.floats(0, 1))


def window(seed: int, n: int = 1000, **changed: np.ndarray) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    load = random.normal(size=n)
    columns = {
        "load": load,
        "town": random.choice([f"t{n}" for n in range(7)], n).astype(object),
        "gap": np.where(random.random(n) < 0.4, np.nan, load),
    }
    return {name: PROFILE[name].count(values) for name, values in {**columns, **changed}.items()}


@given(SIZES, st.booleans())
def test_p_values_are_scipys(sizes: tuple[int, int, float, float], missing: bool) -> None:
    of_before, of_now, a, b = sizes
    before, now = round(a * of_before), round(b * of_now)
    share = Share("f", "missing" if missing else "range", before, of_before, now, of_now)
    table = [[now, of_now - now], [before, of_before - before]]
    up, down = (stats.fisher_exact(table, alternative=side).pvalue for side in ("greater", "less"))
    oracle = min(2 * min(up, down), 1.0) if missing else up
    assert p_values([share])[0] == pytest.approx(oracle, abs=1e-9)


def test_without_a_change_there_is_no_drift() -> None:
    assert [share_drifts(PROFILE, window(seed)) for seed in range(1, 200)] == [[]] * 199


def test_each_change_has_its_kind() -> None:
    load, town = np.random.default_rng(5).normal(size=1000), np.array(["t1"] * 950 + ["new"] * 50, dtype=object)
    load[:60] = 9.0
    found = share_drifts(PROFILE, window(1, load=load, town=town, gap=np.clip(load, 0, 1)))
    assert [(one.field, one.kind) for one in found] == [("load", "range"), ("town", "category"), ("gap", "missing")]
    assert [round(one.value, 2) for one in found] == [0.06, 0.05, 0.0]
    assert found[2].threshold < PROFILE["gap"].counts[-1] / 5000
    low = share_drifts(PROFILE, window(1, load=np.where(load == 9.0, -9.0, load)))
    assert [(one.field, one.kind) for one in low] == [("load", "range")]


def test_fewer_new_categories_are_no_drift() -> None:
    few = ReferenceBins("category", (), ("a",), (500, 500, 0))
    assert share_drifts({"t": few}, {"t": np.array([1000, 0, 0])}) == []
    assert share_drifts({"t": few}, {"t": np.array([0, 1000, 0])})[0].kind == "category"


def test_a_reference_with_values_in_its_end_bins_has_no_range_test() -> None:
    old = ReferenceBins("number", (1.0, 2.0), (), (300, 300, 400, 0))
    assert share_drifts({"f": old}, {"f": np.array([900, 0, 100, 0])}) == []


def test_a_small_window_never_drifts() -> None:
    assert share_drifts(PROFILE, window(1, n=90, load=np.full(90, 99.0))) == []


def test_a_rate_is_unusual_only_far_outside_what_was() -> None:
    known = np.random.default_rng(3).uniform(10, 20, TRAILING_RATES).tolist()
    assert exceeded_volume_bound(3.1 * max(known), known) == pytest.approx(3 * max(known))
    assert exceeded_volume_bound(min(known) / 3.1, known) == pytest.approx(min(known) / 3)
    assert exceeded_volume_bound(2.9 * max(known), known) is None
    assert exceeded_volume_bound(1e9, known[: MIN_RATES - 1]) is None
