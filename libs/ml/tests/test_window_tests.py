"""Counts, distances and the verdict over a window."""

from __future__ import annotations

import json
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from penstock.ml.drift import distances
from penstock.ml.drift.bin_counts import FieldBins
from penstock.ml.drift.reference_bins import BINS, MAX_CATEGORIES, ReferenceBins
from penstock.ml.drift.window_tests import THRESHOLDS, WindowTest
from penstock.ml.features.frame import column

NUMBERS = st.lists(st.none() | st.floats(allow_nan=False), max_size=50)
TEXTS = st.lists(st.none() | st.text(max_size=2), max_size=50)
COUNTS = arrays(np.int64, 6, elements=st.integers(0, 200)).filter(lambda counts: counts.sum() > 0)


@given(NUMBERS, NUMBERS)
def test_every_number_falls_into_one_bin(sample: list, values: list) -> None:
    reference = ReferenceBins.of(column("number", sample), "number")
    counts = reference.count(column("number", values))
    assert len(counts) == len(reference.counts) == reference.bins
    assert counts.sum() == len(values)
    assert counts[-1] == values.count(None)
    assert sum(reference.counts) == len(sample)


@given(TEXTS, TEXTS)
def test_every_text_falls_into_one_bin(sample: list, values: list) -> None:
    reference = ReferenceBins.of(column("category", sample), "category")
    counts = reference.count(column("category", values))
    assert counts.sum() == len(values)
    assert counts[-1] == values.count(None)
    assert counts[-2] == sum(value is not None and value not in sample for value in values)


@given(NUMBERS, TEXTS)
def test_a_reference_survives_json(numbers: list, texts: list) -> None:
    for reference in (
        ReferenceBins.of(column("number", numbers), "number"),
        ReferenceBins.of(column("category", texts), "category"),
    ):
        plain = json.dumps(reference.to_dict(), allow_nan=False)
        assert ReferenceBins.from_dict(json.loads(plain)) == reference


@given(NUMBERS, st.integers(0, 50))
def test_counts_add_up(values: list, cut: int) -> None:
    whole = column("number", values)
    reference = ReferenceBins.of(whole, "number")
    assert (reference.count(whole[:cut]) + reference.count(whole[cut:])).tolist() == list(reference.counts)


@given(st.lists(NUMBERS, max_size=4), st.lists(TEXTS, max_size=3), st.data())
def test_all_fields_are_counted_in_one_pass_as_each_alone(numbers: list, texts: list, data: st.DataObject) -> None:
    kinds = {f"n{place}": ("number", sample) for place, sample in enumerate(numbers)}
    kinds |= {f"t{place}": ("category", sample) for place, sample in enumerate(texts)}
    chosen = data.draw(st.permutations(sorted(kinds)))
    known = {name: ReferenceBins.of(column(*kinds[name]), kinds[name][0]) for name in chosen}
    n = data.draw(st.integers(0, 20))
    values = {
        "number": st.none() | st.floats(allow_nan=False) | st.sampled_from(sum(numbers, [0.0])),
        "category": st.none() | st.text(max_size=2) | st.sampled_from(sum(texts, ["a"])),
    }
    columns = {
        name: column(one.kind, data.draw(st.lists(values[one.kind], min_size=n, max_size=n)))
        for name, one in known.items()
    }
    bins = FieldBins(known)
    places = bins.bin_indices(columns)
    rows = sorted(data.draw(st.sets(st.integers(0, n - 1)))) if n else []
    for some in (slice(None), slice(0, n // 2), rows if known else slice(None)):
        expected = {name: one.count(columns[name][some]).tolist() for name, one in known.items()}
        assert bins.by_field(bins.count(places[:, some])) == expected


def test_more_edges_than_a_byte_can_count() -> None:
    many = ReferenceBins("number", tuple(np.arange(300.0)), (), ())
    values = np.array([-1.0, 0.5, 298.0, 1e9, np.nan])
    bins = FieldBins({"a": many})
    assert bins.by_field(bins.count(bins.bin_indices({"a": values}))) == {"a": many.count(values).tolist()}


def test_bins_are_bounded_and_see_what_leaves_the_range() -> None:
    random = np.random.default_rng(0)
    assert ReferenceBins.of(random.normal(size=5000), "number").bins <= BINS + 3
    many = column("category", [str(i % 200) for i in range(1000)])
    assert ReferenceBins.of(many, "category").bins == MAX_CATEGORIES + 2
    constant = ReferenceBins.of(np.full(9, 5.0), "number")
    assert constant.count(np.array([4.0, 5.0, 6.0, inf, -inf])).tolist() == [2, 1, 2, 0]


def test_ties_share_a_bin() -> None:
    sample = np.concatenate([np.zeros(900), np.random.default_rng(0).exponential(size=100)])
    reference = ReferenceBins.of(sample, "number")
    assert reference.counts[0] == 0
    assert max(reference.counts) >= 900


@given(COUNTS, COUNTS)
def test_distances_are_zero_on_equals_and_symmetric(a: np.ndarray, b: np.ndarray) -> None:
    for distance in (distances.psi, distances.js):
        assert distance(a, a) == 0
        assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-12)
        assert distance(a, b) >= 0
    for test in (distances.ks, distances.chi_square):
        assert test(a, a)[0] == pytest.approx(0)
        assert test(a, a)[1] == pytest.approx(1)
        np.testing.assert_allclose(test(a, b), test(b, a), atol=1e-12)


@given(COUNTS, COUNTS)
def test_parity_with_scipy(a: np.ndarray, b: np.ndarray) -> None:
    assert distances.js(a, b) == pytest.approx(jensenshannon(a, b, 2), abs=1e-7)
    places = np.arange(6)
    statistic, p_value = distances.ks(a, b)
    oracle = stats.ks_2samp(np.repeat(places, a), np.repeat(places, b), method="asymp")
    assert statistic == pytest.approx(oracle.statistic, abs=1e-12)
    assert p_value == pytest.approx(1.0 if np.isnan(oracle.pvalue) else oracle.pvalue, abs=1e-9)  # one value each
    assert distances.psi(a, b) == pytest.approx(_psi_by_entropy(a, b), abs=1e-9)


def _psi_by_entropy(a: np.ndarray, b: np.ndarray) -> float:
    used = a + b > 0
    p, q = a[used] + 0.5, b[used] + 0.5
    return float(stats.entropy(p, q) + stats.entropy(q, p))


@given(COUNTS, COUNTS, arrays(np.float64, 6, elements=st.floats(-1e6, 1e6)))
def test_the_earth_mover_is_scipys(a: np.ndarray, b: np.ndarray, places: np.ndarray) -> None:
    places = np.sort(places)
    oracle = stats.wasserstein_distance(places, places, a, b)
    assert distances.wasserstein(a, b, places) == pytest.approx(oracle, rel=1e-9, abs=1e-6)
    middles = (np.cumsum(a) - a / 2) / a.sum()
    assert distances.wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(middles, middles, a, b), abs=1e-9)
    assert distances.wasserstein(a, a) == 0


@given(*[arrays(np.int64, 6, elements=st.integers(30, 200)) for _ in range(2)])
def test_association_is_scipys(a: np.ndarray, b: np.ndarray) -> None:
    oracle = stats.contingency.association(np.stack([a, b]), method="cramer", correction=False)
    assert distances.association(distances.chi_square(a, b)[0], a, b) == pytest.approx(oracle, abs=1e-9)


@given(*[arrays(np.int64, 6, elements=st.integers(30, 200)) for _ in range(2)])
def test_chi_square_is_scipys_where_no_bin_is_rare(a: np.ndarray, b: np.ndarray) -> None:
    oracle = stats.chi2_contingency(np.stack([a, b]), correction=False)
    statistic, p_value = distances.chi_square(a, b)
    assert statistic == pytest.approx(oracle.statistic)
    assert p_value == pytest.approx(oracle.pvalue)


@given(COUNTS, COUNTS, COUNTS)
def test_fields_are_measured_in_one_pass_and_empty_bins_count_for_nothing(
    a: np.ndarray, b: np.ndarray, c: np.ndarray
) -> None:
    before, now = np.stack([a, c]), np.stack([b, b])
    padding = ((0, 0), (0, 3))
    for measure in (distances.psi, distances.js, distances.ks, distances.chi_square, distances.wasserstein):
        together = np.array(measure(np.pad(before, padding), np.pad(now, padding)))
        single = np.stack([measure(a, b), measure(c, b)], axis=-1)
        np.testing.assert_allclose(together, single, atol=1e-12)


def streams(seed: int, n: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "normal": random.normal(shift, 1, n),
        "sparse": np.where(random.random(n) < 0.7, 0.0, random.exponential(size=n)),
        "missing": np.where(random.random(n) < 0.3 + shift / 2, np.nan, random.random(n)),
        "town": column("category", [f"t{code}" for code in random.zipf(1.6, n).clip(max=90)]),
    }


def counted(reference: dict[str, ReferenceBins], columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: reference[name].count(values) for name, values in columns.items()}


def references(seed: int, n: int) -> dict[str, ReferenceBins]:
    return {
        name: ReferenceBins.of(values, "category" if name == "town" else "number")
        for name, values in streams(seed, n).items()
    }


@pytest.mark.parametrize("statistic", list(THRESHOLDS))
@pytest.mark.parametrize("size", [20, 100, 500])
def test_no_change_raises_no_alarm(statistic: str, size: int) -> None:
    known = references(0, 1000)
    before = {name: np.array(reference.counts) for name, reference in known.items()}
    test = WindowTest(statistic)
    alarms = [test.drifts(before, counted(known, streams(seed, size))) for seed in range(1, 201)]
    assert sum(map(bool, alarms)) == 0


@pytest.mark.parametrize("statistic", list(THRESHOLDS))
def test_a_planted_change_is_named_with_its_field(statistic: str) -> None:
    known = references(0, 1000)
    before = {name: np.array(reference.counts) for name, reference in known.items()}
    found = WindowTest(statistic).drifts(before, counted(known, streams(1, 500, shift=0.9)))
    assert {field.field for field in found} == {"normal", "missing"}
    assert all(field.value >= field.threshold and field.p_value < 0.001 for field in found)


@pytest.mark.parametrize("statistic", list(THRESHOLDS))
@given(seed=st.integers(0, 10**6), size=st.integers(20, 2000), shift=st.floats(0, 1.5))
def test_drifts_are_what_is_measured_as_drifted(statistic: str, seed: int, size: int, shift: float) -> None:
    known = references(0, 1000)
    before = {name: np.array(reference.counts) for name, reference in known.items()}
    window = counted(known, streams(seed, size, shift))
    test = WindowTest(statistic, threshold=0.05, alpha=0.05)
    measured = [field for field in test.measure(before, window) if field.drifted]
    assert test.drifts(before, window) == sorted(measured, key=lambda field: -field.value)


def test_a_small_window_is_measured_but_never_drifts() -> None:
    found = WindowTest().measure({"a": np.array([500, 500])}, {"a": np.array([0, 40])})
    assert found[0].value > 0.2
    assert not found[0].drifted


def test_bins_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="'a' has 3 bins in the window, 2 in the reference"):
        WindowTest().measure({"a": np.ones(2)}, {"a": np.ones(3)})


def test_an_empty_window_has_no_distance_in_one_bin() -> None:
    assert distances.psi(np.array([5, 0]), np.array([0, 0])) == 0
    assert distances.psi(np.zeros(3), np.zeros(3)) == 0


def test_the_largest_number_has_a_reference_too() -> None:
    reference = ReferenceBins.of(np.array([0.0, np.finfo(float).max]), "number")
    assert ReferenceBins.from_dict(json.loads(json.dumps(reference.to_dict(), allow_nan=False))) == reference
    assert sum(reference.counts) == 2


def test_without_fields_there_is_nothing_to_say() -> None:
    assert WindowTest().measure({}, {"a": np.ones(2)}) == []
