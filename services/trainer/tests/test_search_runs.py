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
from penstock.trainer.data.parquet_segments import outcome_table, to_parquet
from penstock.trainer.job import TrainedModel, TrainingJob, TrainingResources
from penstock.trainer.processes.child_processes import ChildProcesses
from penstock.trainer.search.parallel import MissingBackend, check_backend
from penstock.trainer.search.studies import study_file
from penstock.trainer.training.job_runner import run_job

from .conftest import declaration, outcomes

SEARCHING = {"families": ["linear"], "search": {"trials": 3, "seconds": 3600}}


def job_of(store: FileStore, stream: Declaration) -> TrainingJob:
    digest = store.put(to_parquet(stream, [outcome_table(stream, range(120), outcomes(stream, 120))]))
    return TrainingJob(declaration=stream, segments=(Segment(start=0, stop=120, rows=120, digest=digest),))


def train(store: FileStore, resources: TrainingResources | None = None, **models: Any) -> TrainedModel:
    result = run_job(job_of(store, declaration(models=models)), store, resources)
    assert result.model is not None, result.failure
    return result.model


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "artifacts")


def test_the_record_describes_the_search_and_the_best_is_packed(store: FileStore) -> None:
    model = train(store, **SEARCHING)
    summary = model.evaluation.search
    assert summary is not None
    assert summary.trials == 1 + 3 == len(model.evaluation.families) + summary.pruned + summary.failed
    assert unpack(store.get(model.digest)).details.get("settings", {}) == summary.settings
    assert model.size == len(store.get(model.digest))
    assert model.scoring_seconds > 0
    assert model.latency_p99_ms > 0


def test_without_trials_nothing_is_searched(store: FileStore) -> None:
    model = train(store, families=["linear"])
    assert (model.evaluation.search, list(model.evaluation.families)) == (None, ["linear"])


def test_the_cheapest_within_the_margin_is_trained_if_the_stream_prefers_it(store: FileStore) -> None:
    families = {"families": ["linear", "forest"]}
    means = train(store, **families).evaluation.families
    assert {train(store, **families, prefer="cheapest", within=1.0).family} == {"linear"}
    assert set(means) == {"linear", "forest"}


def test_a_search_leaves_no_file_once_its_run_has_ended(store: FileStore, tmp_path: Path) -> None:
    resources = TrainingResources(searches=tmp_path / "searches")
    assert train(store, resources, **SEARCHING).evaluation.search is not None
    assert list((tmp_path / "searches").iterdir()) == []


def test_another_job_is_another_search(store: FileStore, tmp_path: Path) -> None:
    job = job_of(store, declaration(models=SEARCHING))
    others = [job.model_copy(update={"changes": (3,)}), job_of(store, declaration(models=SEARCHING | {"seed": 1}))]
    assert len({study_file(each, tmp_path) for each in [job, *others]}) == 3
    assert study_file(job, tmp_path) == study_file(job.model_copy(), tmp_path)


async def test_trials_at_once_in_processes_of_their_own_are_those_made_here(store: FileStore, tmp_path: Path) -> None:
    job = job_of(store, declaration(models=SEARCHING))
    resources = TrainingResources(searches=tmp_path / "searches", backend="loky", jobs=2)
    there = (await ChildProcesses(str(tmp_path / "artifacts"), 600, resources).run_job(job)).model
    here = run_job(job, store, TrainingResources(jobs=2)).model
    assert there is not None
    assert here is not None
    unmeasured = {"scoring_seconds": 0, "latency_p99_ms": 0}
    assert there.model_copy(update=unmeasured) == here.model_copy(update=unmeasured)


async def test_a_training_that_is_killed_keeps_its_search_for_the_next(store: FileStore, tmp_path: Path) -> None:
    long = declaration(models={"families": ["linear"], "search": {"trials": 500, "seconds": 3600}})
    job, folder = job_of(store, long), tmp_path / "searches"
    training = asyncio.ensure_future(
        ChildProcesses(str(tmp_path / "artifacts"), 600, TrainingResources(searches=folder)).run_job(job)
    )
    async with asyncio.timeout(120):
        while not study_file(job, folder).exists():  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(0.01)
    training.cancel()
    await asyncio.gather(training, return_exceptions=True)
    assert study_file(job, folder).exists()


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_backend_that_is_not_installed_is_named_with_what_it_needs(backend: Any, package: str) -> None:
    with pytest.raises(MissingBackend, match=f"'{backend}' needs the package {package}, which is not installed"):
        check_backend(backend)
