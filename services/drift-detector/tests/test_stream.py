"""What is judged over a whole stream: quality by block, drift of losses, scores and fields."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.artifacts import MemoryStore
from penstock.bus.state.state import MemoryStateStore, State
from penstock.contracts.batch import AnyOutputs
from penstock.contracts.decoding import encode
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import ALERTS, COUNTS, DRIFT, OUTCOMES, STATISTICS
from penstock.drift_detector.drift.profile_store import StoredProfiles
from penstock.drift_detector.drift.profiles import Champions
from penstock.drift_detector.drift.series_detectors import REMEMBERED, REMEMBERED_BY, Setup, Watch
from penstock.drift_detector.handlers import StreamHandler
from penstock.drift_detector.quality.pending_blocks import MOST

Written = dict[str, list[Any]]


class Owner:
    """The stream's one owner, on a store: closed and opened again between batches when told."""

    def __init__(self, make: Any, declared: StreamDeclared, store: MemoryStore | None = None) -> None:
        self.make, self.declared = make, declared
        self.store, self.champions, self.profiles = (
            MemoryStateStore(),
            Champions(),
            StoredProfiles(store or MemoryStore()),
        )
        self.written: Written = {topic.noun: [] for topic in (STATISTICS, DRIFT, ALERTS)}
        self.offset = 0
        self.open()

    def open(self) -> None:
        self.state = State(self.store)
        self.handler = StreamHandler("power", self.state, self.champions, self.profiles)

    def outcomes(self, records: Sequence[Any], write: bool = True) -> list[AnyOutputs]:
        outputs = self.handler.outcomes(self.make.batch(OUTCOMES, records, self.declared, self.offset))
        if write:
            self.offset += len(records)
            self._keep(outputs)
        return outputs

    async def counts(self, records: Sequence[Counts]) -> None:
        self._keep(await self.handler.counts(self.make.batch(COUNTS, records, self.declared)))

    def _keep(self, outputs: list[AnyOutputs]) -> None:
        for output in outputs:
            self.written[output.topic.noun] += output.records
        self.state.write(self.state.seal(), {})


def answers(make: Any, error: Sequence[bool], start: int = 0, **answer: Any) -> list[Any]:
    return [make.outcome(start + n, "0" if wrong else "1", **answer) for n, wrong in enumerate(error)]


def errors(rate: float, count: int, seed: int) -> list[bool]:
    return (np.random.default_rng(seed).random(count) < rate).tolist()


def said(owner: Owner, clock: str) -> list[Any]:
    return [block for block in owner.written["statistics"] if block.clock == clock]


def concepts(owner: Owner) -> list[Any]:
    return [drift for drift in owner.written["drift"] if drift.kind == "concept"]


@given(st.integers(0, 2**32), st.lists(st.integers(1, 1500), max_size=6), st.booleans())
@settings(max_examples=10, deadline=None)
def test_batches_and_crashes_do_not_show(make: Any, seed: int, cuts: list[int], regression: bool) -> None:
    random = np.random.default_rng(seed)
    declared = make.declared("regression" if regression else "binary", drift={"detectors": ["adwin", "page-hinkley"]})
    records = []
    for number in range(1500):
        spread = 8.0 if number > 700 else 1.0
        truth: Any = float(random.normal(0, spread)) if regression else str(int(random.random() < spread / 10))
        label = None if random.random() < 0.05 else truth
        value: Any = 0.0 if regression else "0"
        records.append(
            make.outcome(
                number,
                value,
                label,
                epoch=1 + number // 600,
                probabilities=[float(random.random() ** (3 if number > 300 else 1))],
            )
        )
        if random.random() < 0.05:
            records.append(make.outcome(number, value, label, revision=int(random.integers(0, 2))))
    whole, parts = Owner(make, declared), Owner(make, declared)
    whole.outcomes(records)
    borders = [0, *sorted(cuts), len(records)]
    for start, stop in itertools.pairwise(borders):
        lost = parts.outcomes(records[start:stop], write=False)
        parts.open()
        again = parts.outcomes(records[start:stop])
        assert [bytes(encode(one)) for out in again for one in out.records] == [
            bytes(encode(one)) for out in lost for one in out.records
        ]
        parts.open()
    for noun, found in whole.written.items():
        assert [encode(one) for one in parts.written[noun]] == [encode(one) for one in found]
    assert len(said(whole, "provisional")) == len(records) // 100
    assert said(whole, "matured")


def test_a_block_says_how_its_outcomes_went(make: Any) -> None:
    owner = Owner(make, make.declared())
    records = answers(make, [True] * 20 + [False] * 60, epoch=2, version=7)
    records += [make.outcome(80 + n, "1", None, epoch=1) for n in range(20)]
    owner.outcomes(records)
    (block,) = owner.written["statistics"]
    assert (block.start, block.stop, block.joined, block.expired, block.coverage) == (0, 100, 80, 20, 0.8)
    assert (block.metric, block.score, block.version, block.epoch) == ("accuracy", 0.75, 7, 2)
    assert (block.time, block.cause, block.first_time) == (records[-1].time, "e99", records[0].time)


def test_an_event_counts_once_by_its_highest_revision(make: Any) -> None:
    owner = Owner(make, make.declared())
    first = answers(make, [False] * 50)
    owner.outcomes([*first, *first[:25], *[make.outcome(n, "1", "0", revision=1) for n in range(25)]])
    (block,) = said(owner, "provisional")
    assert (block.joined, block.score, block.revised) == (50, 0.5, 25)


def test_a_correction_after_a_block_is_said_when_the_horizon_has_passed(make: Any) -> None:
    owner = Owner(make, make.declared(label={"name": "up", "classes": ["0", "1"], "horizon": "PT5H"}))
    owner.outcomes(answers(make, [False] * 100))
    early = [(block.clock, block.score, block.revised) for block in owner.written["statistics"]]
    assert early == [("provisional", 1.0, 0), ("matured", 1.0, 0)]
    owner.open()
    corrections = [("0", 1), ("1", 1), ("1", 2), ("0", 2)]  # of equal ones the first counts, in the end the label is 1
    owner.outcomes([make.outcome(n, "1", label, revision) for n in (3, 4) for label, revision in corrections])
    owner.outcomes([make.outcome(5, "1", "0", 1)])
    owner.outcomes(answers(make, [False] * 391, start=100))
    later = [block for block in said(owner, "matured") if block.start == 0]
    assert [(block.score, block.revised, block.joined) for block in later] == [(1.0, 0, 100), (0.99, 5, 100)]
    assert later[1].id != later[0].id
    assert later[1].time == make.start + timedelta(minutes=490)
    assert len([block for block in said(owner, "matured") if block.start > 0]) == 4


def test_a_block_with_something_missing_matures_at_the_horizon(make: Any) -> None:
    owner = Owner(make, make.declared())  # of an hour, in events a minute apart
    owner.outcomes([make.outcome(n, "1", None if n < 10 else "1") for n in range(100)])
    assert said(owner, "matured") == []
    owner.outcomes(answers(make, [False] * 100, start=100))
    assert [(block.start, block.coverage) for block in said(owner, "matured")] == [(100, 1.0), (0, 0.9)]


def test_no_more_blocks_wait_than_may(make: Any) -> None:
    owner = Owner(make, make.declared(label={"name": "up", "classes": ["0", "1"], "horizon": "P3000D"}))
    for start in range(0, 100 * (MOST + 3), 5000):
        count = min(5000, 100 * (MOST + 3) - start)
        owner.outcomes([make.outcome(start + n, "1", None if n % 100 == 7 else "1") for n in range(count)])
    assert [block.start for block in said(owner, "matured")] == [0, 100, 200]
    assert len(list(owner.store.scan(b"2w"))) == MOST


def test_every_metric_of_the_task_is_told_with_its_interval(make: Any) -> None:
    owner = Owner(make, make.declared())
    random = np.random.default_rng(0)
    up = random.uniform(0, 1, 100)
    owner.outcomes(
        [
            make.outcome(n, str(int(p > 0.5)), str(int(random.random() < p)), probabilities=[1 - p, p])
            for n, p in enumerate(up.tolist())
        ]
    )
    block = owner.written["statistics"][0]
    assert set(block.metrics) == {"accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "ece"}
    assert block.metrics["accuracy"].value == pytest.approx(block.score)
    assert all(one.low < one.value < one.high for one in block.metrics.values())
    numbers = Owner(make, make.declared("regression"))
    numbers.outcomes([make.outcome(n, float(n), float(n + n % 7)) for n in range(100)])
    block = numbers.written["statistics"][0]
    assert set(block.metrics) == {"mae", "rmse", "mape", "pinball_10", "pinball_90"}
    assert block.metrics["mae"].value == pytest.approx(block.score)


def test_an_overconfident_model_is_found_out_before_its_labels(make: Any) -> None:
    owner = Owner(make, make.declared())
    wrong = errors(0.4, 3000, 1)
    owner.outcomes([make.outcome(n, "0" if bad else "1", probabilities=[0.05, 0.95]) for n, bad in enumerate(wrong)])
    first, *_, last = said(owner, "provisional")
    assert (first.estimate.score, first.estimate.error, first.estimate.answers) == (0.95, None, 100)
    assert last.estimate.score == pytest.approx(0.6, abs=0.05)
    assert 0 < last.estimate.error < 0.1
    expired = Owner(make, make.declared())
    expired.outcomes([make.outcome(n, "1", None, probabilities=[0.2, 0.8]) for n in range(100)])
    (alone,) = expired.written["statistics"]
    assert (alone.score, alone.estimate.score) == (None, pytest.approx(0.8))


def test_the_error_of_a_regression_is_expected_from_what_it_answers(make: Any) -> None:
    owner = Owner(make, make.declared("regression"))
    owner.outcomes([make.outcome(n, float(n % 50), float(n % 50) * 1.5) for n in range(1000)])
    owner.outcomes([make.outcome(1000 + n, 45.0, None) for n in range(100)])
    known, last = said(owner, "provisional")[0], said(owner, "provisional")[-1]
    assert known.estimate is None
    assert last.estimate.score == pytest.approx(22.5, abs=1.5)


def test_answers_that_say_nothing_of_themselves_have_no_estimate(make: Any) -> None:
    owner = Owner(make, make.declared())
    owner.outcomes(answers(make, [False] * 200))
    assert [block.estimate for block in owner.written["statistics"]] == [None] * 4


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_labels_that_are_spread_otherwise_are_suspected_once(make: Any, task: str) -> None:
    owner = Owner(make, make.declared(task))
    random = np.random.default_rng(4)
    for number, share in enumerate((0.3, 0.3, 0.3, 0.6, 0.6, 0.6)):
        truths: list[Any] = [str(int(up)) for up in random.random(1000) < share]
        if task == "regression":
            truths = random.normal(share * 10, 1, 1000).tolist()
        value: Any = "0" if task == "binary" else 5.0
        owner.outcomes([make.outcome(1000 * number + n, value, truth) for n, truth in enumerate(truths)])
        owner.open()
    found = [drift for drift in owner.written["drift"] if drift.kind == "label"]
    assert [(drift.outcomes, drift.field, drift.status) for drift in found] == [(4000, "up", "suspected")]
    assert found[0].hurts is not None


def test_a_drift_says_what_it_costs(make: Any) -> None:
    owner = Owner(make, make.declared())
    owner.outcomes(answers(make, errors(0.1, 1000, 0)))
    owner.outcomes(answers(make, errors(0.6, 300, 1), start=1000))
    drift = concepts(owner)[0]
    assert drift.hurts == pytest.approx(drift.statistic - drift.threshold)
    assert drift.hurts > 0
    calm = Owner(make, make.declared())
    sure, unsure = [0.05, 0.95], [0.45, 0.55]
    calm.outcomes([make.outcome(n, probabilities=sure if n < 500 else unsure) for n in range(800)])
    assert {(drift.kind, drift.hurts) for drift in calm.written["drift"]} == {("prediction", 0.0)}


def test_an_error_of_a_regression_is_absolute(make: Any) -> None:
    owner = Owner(make, make.declared("regression"))
    owner.outcomes([make.outcome(n, 1.0, 4.0) for n in range(100)])
    assert (owner.written["statistics"][0].metric, owner.written["statistics"][0].score) == ("mae", 3.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_rise_of_the_error_is_noticed_and_told(make: Any, seed: int) -> None:
    owner = Owner(make, make.declared())
    owner.outcomes(answers(make, errors(0.15, 1000, seed)))
    assert concepts(owner) == []
    owner.outcomes(answers(make, errors(0.5, 400, seed + 9), start=1000))
    drift = concepts(owner)[0]
    assert 1000 < drift.outcomes <= 1150
    assert (drift.status, drift.epoch, drift.field) == ("confirmed", 1, None)
    assert (drift.event_source, drift.event_id) == ("grid", f"e{drift.outcomes - 1}")
    assert drift.statistic > drift.threshold
    alert = owner.written["alerts"][0]
    assert (alert.cause, alert.severity, alert.stream) == (drift.id, "warning", "power")


def test_a_stationary_stream_gives_no_alarm(make: Any) -> None:
    owner = Owner(make, make.declared())
    random = np.random.default_rng(5)
    owner.outcomes(
        [
            make.outcome(n, "0" if random.random() < 0.2 else "1", probabilities=[p := float(random.random()), 1 - p])
            for n in range(6000)
        ]
    )
    assert owner.written["drift"] == []


def test_only_the_newest_champions_answers_are_watched(make: Any) -> None:
    for changes in ({"epoch": 1}, {"baseline": True}, {"arm": "challenger"}):
        owner = Owner(make, make.declared())
        owner.outcomes(answers(make, [False] * 500, epoch=2))
        owner.outcomes(answers(make, [True] * 500, start=500, **{"epoch": 2, **changes}))
        assert owner.written["drift"] == []


def test_a_change_right_after_a_promotion_shows_against_the_epoch_before(make: Any) -> None:
    owner = Owner(make, make.declared())
    owner.outcomes(answers(make, [False] * 500, epoch=1))
    owner.outcomes(answers(make, [True] * 200, start=500, epoch=2))
    assert {(drift.kind, drift.epoch) for drift in owner.written["drift"]} == {("concept", 2)}


def test_a_better_model_is_no_drift(make: Any) -> None:
    owner = Owner(make, make.declared())
    owner.outcomes(answers(make, [True] * 500, epoch=1))
    owner.outcomes(answers(make, [False] * 500, start=500, epoch=2))
    assert [drift for drift in owner.written["drift"] if drift.kind == "concept"] == []


def test_a_change_of_the_scores_is_suspected(make: Any) -> None:
    owner = Owner(make, make.declared())
    sure, unsure = [0.05, 0.95], [0.45, 0.55]
    owner.outcomes([make.outcome(n, probabilities=sure if n < 500 else unsure) for n in range(800)])
    assert {(drift.kind, drift.status, drift.detector) for drift in owner.written["drift"]} == {
        ("prediction", "suspected", "adwin")
    }
    assert owner.written["alerts"] == []


@pytest.mark.parametrize("batches", [1, 2, 40])
def test_the_scores_of_another_epoch_are_another_series(make: Any, batches: int) -> None:
    owner = Owner(make, make.declared())
    sure = [0.6] * 600 + [0.9] * 600
    records = [
        make.outcome(number, "1", epoch=1 + number // 600, probabilities=[score, 1 - score])
        for number, score in enumerate(sure)
    ]
    for part in np.array_split(np.arange(1200), batches):
        owner.outcomes([records[number] for number in part])
    assert owner.written["drift"] == []


def test_a_regression_is_watched_whatever_its_scale(make: Any) -> None:
    random = np.random.default_rng(2)
    for scale in (1e-3, 1e5):
        owner = Owner(make, make.declared("regression", drift={"detectors": ["adwin", "ddm"]}))
        spread = [scale] * 1000 + [5 * scale] * 300
        owner.outcomes([make.outcome(n, 0.0, float(random.normal(0, one))) for n, one in enumerate(spread)])
        assert 1000 < concepts(owner)[0].outcomes < 1150


def test_a_watch_that_forgets_is_as_if_opened_again() -> None:
    store, setup = MemoryStateStore(), Setup(("adwin",), 0, True)
    state = State(store)
    watch = Watch(state, b"w", "up")
    watch.set_up(setup)
    assert not watch.feed([float(value) for value in errors(0.2, REMEMBERED + 150, 1)])
    watch.save()
    state.write(state.seal(), {})
    assert len(list(store.scan(b"w"))) == (REMEMBERED // 2 + 150) // 100 + 1
    again = Watch(State(store), b"w", "up")
    again.set_up(setup)
    later = [float(value) for value in errors(0.6, 200, 2)]
    tips = [watch.feed([value]) for value in later]
    assert any(tips)
    assert [again.feed([value]) for value in later] == tips


def test_a_watch_that_is_to_remember_less_than_it_did_forgets_at_the_next_value() -> None:
    state = State(store := MemoryStateStore())
    watch = Watch(state, b"w", "up")
    watch.set_up(Setup(("adwin",), 0, True))
    watch.feed([0.0] * (REMEMBERED_BY["kswin"] + 200))
    watch.set_up(Setup(("kswin",), 0, True))
    assert watch.feed([0.0, 0.0]) == []
    watch.save()
    state.write(state.seal(), {})
    assert sum(len(chunk) // 8 for _, chunk in store.scan(b"w")) < REMEMBERED_BY["kswin"]


@given(st.lists(st.integers(0, 599), max_size=4))
@settings(max_examples=20, deadline=None)
def test_a_watch_tips_at_the_same_values_in_any_batches(cuts: list[int]) -> None:
    values = [float(value) for share in (0.1, 0.5, 0.1) for value in errors(share, 200, int(share * 10))]
    whole, parts = Watch(State(MemoryStateStore()), b"w", "both"), Watch(State(MemoryStateStore()), b"w", "both")
    for watch in (whole, parts):
        watch.set_up(Setup(("adwin", "hddm-a"), 0, True))
    found = []
    for start, stop in itertools.pairwise([0, *sorted(cuts), 600]):
        found += [(start + place, tip) for place, tip in parts.feed(values[start:stop])]
    assert found == whole.feed(values)
    assert len(found) >= 2
