"""Trainings that cost nothing: of three small models, each of which was really trained, the data choose one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from penstock.artifacts import MemoryStore
from penstock.contracts.records.training import Evaluation, Score, Segment
from penstock.trainer.data.parquet_segments import schema_of, to_parquet
from penstock.trainer.job import RunJob, TrainedModel, TrainingJob, TrainingResult
from penstock.trainer.training.job_runner import in_process_runner, run_job
from tests.faults.declaration import declaration_of
from tests.faults.faulty_stores import FaultyArtifacts
from tests.faults.life import Life

ROWS = 40
BORDERS = (0.3, 0.5, 0.7)  # of x, above which the label is yes: one model learns each
_BEST = Score(value=0.8, low=0.7, high=0.9, rows=1000)
_WORST = Score(value=0.5, low=0.4, high=0.6, rows=1000)
_GAIN = Score(value=0.2, low=0.1, high=0.3, rows=1000)
PASSES = Evaluation(metric="accuracy", candidate=_BEST, champion=_WORST, baseline=_WORST, gain=_GAIN)
FAILS = PASSES.model_copy(update={"candidate": _WORST, "gain": Score(value=-0.2, low=-0.3, high=-0.1, rows=1000)})


@cache
def trained_models() -> tuple[tuple[TrainedModel, ...], dict[str, bytes]]:
    """The models, and all that their trainings put into a store; the same in every process."""
    store = MemoryStore()
    models = []
    for border in BORDERS:
        digest = store.put(to_parquet(declaration_of(0), [_outcomes(border)]))
        segment = Segment(start=0, stop=ROWS, rows=ROWS, digest=digest)
        result = run_job(TrainingJob(declaration=declaration_of(0), segments=(segment,)), store)
        assert result.model is not None, result.failure
        models.append(result.model)
    return tuple(models), store.contents


def _outcomes(border: float) -> pa.Table:
    x = (np.arange(ROWS) * 0.618) % 1
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=row) for row in range(ROWS)]
    columns = {
        "offset": list(range(ROWS)), "source": ["s"] * ROWS, "id": [f"t{row}" for row in range(ROWS)],
        "entity": ["k0"] * ROWS, "time": times, "label_time": times, "revision": [0] * ROWS,
        "label": ["yes" if value > border else "no" for value in x], "served": ["no"] * ROWS,
        "probabilities": [[0.5, 0.5]] * ROWS, "epoch": [0] * ROWS, "version": [0] * ROWS,
        "field.key": ["k0"] * ROWS, "field.x": x.tolist(),
    }  # fmt: skip
    schema = schema_of(declaration_of(0))
    arrays = [pa.array(columns.get(column.name, [None] * ROWS), column.type) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def runner(store: FaultyArtifacts, life: Life, *, really: bool) -> RunJob:
    """Trains in no time or, if `really`, on the rows of the job. The gates let through what two of three jobs give."""
    train = in_process_runner(store) if really else _choose_model

    async def run(job: TrainingJob) -> TrainingResult:
        life.pass_point("before-training")
        result = await train(job)
        life.pass_point("after-training")
        if result.model is None:
            return result
        evaluation = FAILS if _number_of(job) % 3 == 0 else PASSES
        return result.model_copy(update={"model": result.model.model_copy(update={"evaluation": evaluation})})

    return run


async def _choose_model(job: TrainingJob) -> TrainingResult:
    models, _ = trained_models()
    return TrainingResult(model=models[_number_of(job) % len(models)]) if job.segments else TrainingResult(failure="-")


def _number_of(job: TrainingJob) -> int:
    return int(job.segments[-1].digest[-4:], 16) if job.segments else 0
