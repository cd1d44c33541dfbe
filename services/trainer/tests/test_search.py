"""A search is never worse than none, survives failing trials, and is resumed where it was cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.contracts.declaration.model_lifecycle import SearchDeclaration
from penstock.ml.features.frame import Field, Frame
from penstock.ml.metrics import primary_metric
from penstock.ml.metrics.objective import Objective
from penstock.ml.models.families import FAMILIES, Family
from penstock.ml.models.search_space import ParameterRange
from penstock.ml.models.training_data import TrainingData
from penstock.ml.selection.cross_validation import CrossValidation, ValidationReport, validate_defaults
from penstock.ml.selection.validation_plan import folds
from penstock.trainer.search.parallel import Calls, run_sequentially
from penstock.trainer.search.search import search
from penstock.trainer.search.studies import open_study

TASKS = ("binary", "regression")


class Guess:
    """A learner that guesses by a line between two values, and cannot where too much is asked of it."""

    classes_ = np.arange(2)

    def __init__(self, most: float) -> None:
        self._most = most
        self._line = 0.5

    def set_params(self, line: float = 0.5) -> Guess:
        self._line = line
        return self

    def fit(self, _matrix: Any, _targets: Any) -> Guess:
        if self._line > self._most:
            raise ArithmeticError("no convergence")
        return self

    def predict(self, matrix: Any) -> Any:
        return matrix[:, 0] ** 2 * self._line

    def predict_proba(self, matrix: Any) -> Any:
        high = np.where(matrix[:, 0] ** 2 > self._line, 0.8, 0.2)
        return np.stack([1 - high, high], axis=1)


@pytest.fixture(autouse=True)
def _quick_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families that take no time; one fails with some settings."""
    for name, most in (("quick", 9.0), ("sometimes", 1.0)):
        ranges = (ParameterRange("line", 0.01, 4.0, 0.5),)
        made = Family(name, lambda *_, most=most: Guess(most), lambda _, ranges=ranges: ranges)
        monkeypatch.setitem(FAMILIES, name, made)


def validation(task: Any = "binary", families: tuple[str, ...] = ("linear", "quick"), seed: int = 0) -> CrossValidation:
    """A label that bends with one of two numbers, over rows of which the first do not count."""
    n = 160
    random = np.random.default_rng(5)
    x, noise = random.normal(size=(2, n))
    truth = x * x + 0.3 * noise
    labels = truth.tolist() if task == "regression" else ["y" if value > 0.7 else "n" for value in truth]
    frame = Frame({"x": x, "other": random.normal(size=n)}, np.arange(n).astype("datetime64[ms]"))
    fields = [Field("x", "number"), Field("other", "number")]
    classes = None if task == "regression" else ("n", "y")
    data = TrainingData(frame, labels, fields, task, classes=classes)
    objective = Objective(primary_metric(task), len(classes or ()))
    return CrossValidation(families, data, objective, folds(np.arange(n) + 6, 3), (0, 20), seed)


def declared(trials: int = 6, seconds: float = 3600.0) -> SearchDeclaration:
    return SearchDeclaration(trials=trials, seconds=seconds)


def comparable(report: ValidationReport) -> tuple[Any, ...]:
    """What can be compared."""
    found = {candidate: (record.scores, record.log_losses) for candidate, record in report.results.items()}
    return found, report.failed, report.pruned


@pytest.mark.parametrize("task", TASKS)
def test_default_settings_come_first_and_score_as_without_a_search(task: str) -> None:
    without_search, found = validate_defaults(validation(task)), search(validation(task), declared())
    assert list(found.results)[: len(without_search.results)] == list(without_search.results)
    for candidate, record in without_search.results.items():
        assert found.results[candidate].scores == pytest.approx(record.scores, abs=1e-12)
        assert found.results[candidate].log_losses == pytest.approx(record.log_losses, abs=1e-12)
    best = max if task == "binary" else min
    means = {candidate: float(np.mean(record.scores)) for candidate, record in found.results.items()}
    assert best(means.values()) in (
        best([means[candidate] for candidate in without_search.results]),
        best([mean for candidate, mean in means.items() if candidate.settings]),
    )


def test_the_declared_number_of_trials_runs_with_settings_within_bounds() -> None:
    found = search(validation(), declared(8))
    assert len(found.results) + found.pruned + len(found.failed) == 4 + 8
    for candidate in found.results:
        ranges = {each.name: each for each in FAMILIES[candidate.family].ranges("binary")}
        assert all(ranges[name].low <= value <= ranges[name].high for name, value in candidate.settings)
        assert not candidate.settings or candidate.name.startswith(f"{candidate.family} (")


def test_the_same_seed_makes_the_same_trials_and_another_seed_others() -> None:
    first, second, other = (search(validation(seed=seed), declared()) for seed in (1, 1, 2))
    assert comparable(first) == comparable(second)
    assert set(first.results) != set(other.results)


def test_without_time_the_default_settings_are_still_validated() -> None:
    found = search(validation(), declared(50, seconds=1e-9))
    assert [candidate.settings for candidate in found.results][:4] == [()] * 4
    assert len(found.results) + found.pruned == 4 + 1, "one trial has to be made to see that time is over"


def test_failed_trials_are_reported_and_the_others_still_run() -> None:
    found = search(validation(families=("quick", "sometimes")), declared(12))
    assert found.failed
    assert set(found.failed.values()) == {"ArithmeticError: no convergence"}
    assert any(candidate.settings for candidate in found.results)
    assert all(name.startswith("sometimes (line ") for name in found.failed)
    assert all(dict(c.settings).get("line", 0) <= 1 for c in found.results if c.family == "sometimes")


def test_the_hopeless_are_given_up_before_their_last_fold() -> None:
    made: list[Any] = []

    def counted(calls: Calls) -> list[Any]:
        made.extend(calls)
        return run_sequentially(calls)

    found = search(validation(), declared(20), run_calls=counted)
    assert found.pruned > 0
    whole = 3 * len(found.results)
    assert whole + found.pruned <= len(made) <= whole + 2 * found.pruned


class Killed(BaseException):
    """The end of the process, as far as a test can have it."""


def until(calls_left: int) -> Any:
    """Makes calls until it is killed."""
    left = iter(range(calls_left))

    def run_calls(calls: Calls) -> list[Any]:
        if next(left, None) is None:
            raise Killed
        return run_sequentially(calls)

    return run_calls


@pytest.mark.parametrize("cut", [1, 13, 20, 27])
def test_a_search_that_was_killed_goes_on_and_ends_as_if_it_never_had_been(cut: int, tmp_path: Path) -> None:
    file, counted = tmp_path / "searches" / "a.journal", []
    with pytest.raises(Killed):
        search(validation(), declared(8), file=file, run_calls=until(cut))

    def run_calls(calls: Calls) -> list[Any]:
        counted.extend(calls)
        return run_sequentially(calls)

    again = search(validation(), declared(8), file=file, run_calls=run_calls)
    assert comparable(again) == comparable(search(validation(), declared(8)))
    assert cut < 3 or len(counted) <= 36 - cut + 3, "only the trial that was cut off is made again"


@pytest.mark.parametrize("torn", [b'{"op_code":4,"wor', b"\x00\xff"])
def test_what_a_kill_left_half_written_is_cut_off(torn: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.journal"
    whole = search(validation(), declared(3), file=file)
    file.write_bytes(file.read_bytes() + torn)
    (tmp_path / "a.journal.lock").symlink_to(file)
    assert comparable(search(validation(), declared(3), file=file, run_calls=until(0))) == comparable(whole)
    more = search(validation(), declared(5), file=file, run_calls=until(2 * 3))
    assert comparable(search(validation(), declared(5), file=file, run_calls=until(0))) == comparable(more)


def test_a_file_that_is_no_journal_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "a.journal"
    file.write_bytes(b"[1, 2]\nnothing\n\n")
    assert comparable(search(validation(), declared(2), file=file)) == comparable(search(validation(), declared(2)))


def test_where_nothing_can_be_kept_a_search_goes_without(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("")
    file = tmp_path / "occupied" / "a.journal"
    assert open_study(file, "maximize") is None
    assert comparable(search(validation(), declared(2), file=file)) == comparable(search(validation(), declared(2)))


def test_trials_side_by_side_are_the_same_however_they_are_made() -> None:
    backwards = search(validation(), declared(6), width=3, run_calls=lambda calls: run_sequentially(calls[::-1])[::-1])
    assert comparable(backwards) == comparable(search(validation(), declared(6), width=3))
