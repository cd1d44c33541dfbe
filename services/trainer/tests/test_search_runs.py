"""A run that searches: what its record says, on how much it runs, and that nothing stays behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from penstock.artifacts import FileStore
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Segment
from penstock.ml.package.model_package import unpack
from penstock.trainer.data.segments import table_of, to_parquet
from penstock.trainer.job import Job, Means, Trained
from penstock.trainer.processes.child import Children
from penstock.trainer.search.parallel import MissingBackend, check_backend
from penstock.trainer.search.studies import file_of
from penstock.trainer.training.attempt import attempt

from .conftest import declaration, outcomes

SEARCHING = {"families": ["linear"], "search": {"trials": 3, "seconds": 3600}}


def job_of(store: FileStore, stream: Declaration) -> Job:
    digest = store.put(to_parquet(stream, [table_of(stream, range(120), outcomes(stream, 120))]))
    return Job(declaration=stream, segments=(Segment(start=0, stop=120, rows=120, digest=digest),))


def trained(store: FileStore, means: Means | None = None, **models: Any) -> Trained:
    found = attempt(job_of(store, declaration(models=models)), store, means)
    assert found.trained is not None, found.failure
    return found.trained


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "artifacts")


def test_the_record_tells_of_the_search_and_the_best_is_what_was_packed(store: FileStore) -> None:
    made = trained(store, **SEARCHING)
    found = made.evaluation.search
    assert found is not None
    assert found.trials == 1 + 3 == len(made.evaluation.families) + found.pruned + found.failed
    assert unpack(store.get(made.digest)).details.get("settings", {}) == found.settings
    assert made.size == len(store.get(made.digest))
    assert made.scoring_seconds > 0


def test_without_trials_nothing_is_searched(store: FileStore) -> None:
    made = trained(store, families=["linear"])
    assert (made.evaluation.search, list(made.evaluation.families)) == (None, ["linear"])


def test_the_cheapest_within_the_margin_serves_when_the_stream_asks_for_it(store: FileStore) -> None:
    families = {"families": ["linear", "forest"]}
    means = trained(store, **families).evaluation.families
    assert {trained(store, **families, prefer="cheapest", within=1.0).family} == {"linear"}
    assert set(means) == {"linear", "forest"}


def test_a_search_leaves_no_file_once_its_run_has_ended(store: FileStore, tmp_path: Path) -> None:
    means = Means(searches=tmp_path / "searches")
    assert trained(store, means, **SEARCHING).evaluation.search is not None
    assert list((tmp_path / "searches").iterdir()) == []


def test_another_job_is_another_search(store: FileStore, tmp_path: Path) -> None:
    job = job_of(store, declaration(models=SEARCHING))
    others = [job.model_copy(update={"since": 3}), job_of(store, declaration(models=SEARCHING | {"seed": 1}))]
    assert len({file_of(each, tmp_path) for each in [job, *others]}) == 3
    assert file_of(job, tmp_path) == file_of(job.model_copy(), tmp_path)


async def test_trials_at_once_in_processes_of_their_own_are_those_made_here(store: FileStore, tmp_path: Path) -> None:
    job = job_of(store, declaration(models=SEARCHING))
    crew = Means(searches=tmp_path / "searches", backend="loky", jobs=2)
    there = (await Children(str(tmp_path / "artifacts"), 600, crew).carry_out(job)).trained
    here = attempt(job, store, Means(jobs=2)).trained
    assert there is not None
    assert here is not None
    assert there.model_copy(update={"scoring_seconds": 0}) == here.model_copy(update={"scoring_seconds": 0})


async def test_a_training_that_is_killed_keeps_its_search_for_the_next(store: FileStore, tmp_path: Path) -> None:
    long = declaration(models={"families": ["linear"], "search": {"trials": 500, "seconds": 3600}})
    job, folder = job_of(store, long), tmp_path / "searches"
    training = asyncio.ensure_future(Children(str(tmp_path / "artifacts"), 600, Means(searches=folder)).carry_out(job))
    async with asyncio.timeout(120):
        while not file_of(job, folder).exists():  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(0.01)
    training.cancel()
    await asyncio.gather(training, return_exceptions=True)
    assert file_of(job, folder).exists()


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_backend_that_is_not_installed_is_named_with_what_it_needs(backend: Any, package: str) -> None:
    with pytest.raises(MissingBackend, match=f"'{backend}' needs the package {package}, which is not installed"):
        check_backend(backend)
