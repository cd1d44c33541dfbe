"""A training in a process of its own: the same result, and nothing left behind."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from penstock.artifacts import FileStore
from penstock.contracts.records.training import Segment
from penstock.trainer.data.parquet_segments import outcome_table, to_parquet
from penstock.trainer.job import TrainingJob
from penstock.trainer.processes.child_processes import ChildProcesses
from penstock.trainer.training.job_runner import run_job

from .conftest import declaration, outcomes


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "artifacts")


@pytest.fixture
def job(store: FileStore) -> TrainingJob:
    stream = declaration()
    table = outcome_table(stream, range(200), outcomes(stream, 200))
    digest = store.put(to_parquet(stream, [table]))
    return TrainingJob(declaration=stream, segments=(Segment(start=0, stop=200, rows=200, digest=digest),))


def children_of(folder: Path) -> list[psutil.Process]:
    """The processes that train on what lies below the folder: other tests may have some of their own."""
    return [child for child in psutil.Process().children(recursive=True) if _mentions(child, folder)]


def _mentions(child: psutil.Process, folder: Path) -> bool:
    try:
        return any(str(folder) in word for word in child.cmdline())
    except psutil.Error:  # it has just ended
        return False


async def child_appears(folder: Path) -> psutil.Process:
    async with asyncio.timeout(60):
        while not (found := children_of(folder)):  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(0.01)
    return found[0]


async def test_a_child_trains_the_same_model_and_counts_its_own_time(
    job: TrainingJob, store: FileStore, tmp_path: Path
) -> None:
    result = await ChildProcesses(str(tmp_path / "artifacts"), 600).run_job(job)
    assert result.failure is None
    here = run_job(job, store).model
    assert result.model is not None
    assert here is not None
    measured = {"scoring_seconds": here.scoring_seconds, "latency_p99_ms": here.latency_p99_ms}
    assert result.model.model_copy(update=measured) == here
    assert result.cpu_seconds > 0
    assert not children_of(tmp_path)


async def test_a_training_that_takes_too_long_is_stopped(job: TrainingJob, tmp_path: Path) -> None:
    result = await ChildProcesses(str(tmp_path / "artifacts"), 0.01).run_job(job)
    assert result.failure == "training took longer than 0.01 s and was stopped"
    assert not children_of(tmp_path)


async def test_a_cancelled_training_is_stopped(job: TrainingJob, tmp_path: Path) -> None:
    training = asyncio.ensure_future(ChildProcesses(str(tmp_path / "artifacts"), 600).run_job(job))
    await child_appears(tmp_path)
    training.cancel()
    with pytest.raises(asyncio.CancelledError):
        await training
    assert not children_of(tmp_path)


async def test_a_child_that_is_killed_is_a_failed_run(job: TrainingJob, tmp_path: Path) -> None:
    training = asyncio.ensure_future(ChildProcesses(str(tmp_path / "artifacts"), 600).run_job(job))
    (await child_appears(tmp_path)).kill()
    assert (await training).failure == "the training process ended with signal SIGKILL"


TRAINER = """
import asyncio, sys
from penstock.trainer.processes.child_processes import ChildProcesses
from penstock.trainer.job import TrainingJob
asyncio.run(ChildProcesses(sys.argv[1], 600).run_job(TrainingJob.model_validate_json(sys.stdin.readline())))
"""


async def test_a_trainer_that_is_killed_takes_its_child_with_it(job: TrainingJob, tmp_path: Path) -> None:
    command = (sys.executable, "-c", TRAINER, str(tmp_path / "artifacts"))
    trainer = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    assert trainer.stdin is not None
    trainer.stdin.write(job.model_dump_json().encode() + b"\n")
    async with asyncio.timeout(60):
        while not (found := psutil.Process(trainer.pid).children()):  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(0.01)
    trainer.kill()
    await trainer.wait()
    found[0].wait(60)
    kept = [path for path in (tmp_path / "artifacts" / "sha256").rglob("*") if path.is_file()]
    assert len(kept) == 1, "only the segment: the child left before it had trained anything"


async def test_an_error_in_the_child_is_one_sentence(job: TrainingJob, tmp_path: Path) -> None:
    lost = job.model_copy(update={"segments": (Segment(start=0, stop=1, rows=1, digest="sha256:" + 64 * "0"),)})
    result = await ChildProcesses(str(tmp_path / "artifacts"), 600).run_job(lost)
    assert result.failure is not None
    assert result.failure.endswith("holds no artifact sha256:" + 64 * "0")


async def test_the_next_child_is_started_ahead_and_leaves_with_its_keeper(job: TrainingJob, tmp_path: Path) -> None:
    kept = ChildProcesses(str(tmp_path / "artifacts"), 600)
    keeping = asyncio.ensure_future(kept.keep_spare())
    await asyncio.sleep(0)
    assert not children_of(tmp_path), "no stream is declared, so that no job can come"
    kept.expect_jobs()
    ahead = await child_appears(tmp_path)
    assert (await kept.run_job(job)).model is not None
    following = await child_appears(tmp_path)
    assert following.pid != ahead.pid
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert not children_of(tmp_path)
