"""A request becomes a candidate that can be trusted, or a reason why there is none."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from penstock.artifacts import MemoryStore
from penstock.contracts.records.models import subject_of
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import TRAINING_RUNS
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.package.model_package import unpack
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.parquet_segments import from_parquet

from .conftest import Deployment, declaration, outcomes, request


async def trained(deployment: Deployment, count: int = 400, **changes: Any) -> TrainingRun:
    stream = await deployment.declare(declaration(**changes))
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, count))
    return (await deployment.ask(request(until=count)))[-1]


async def test_a_request_is_started_and_then_finished_with_a_signed_candidate(deployment: Deployment) -> None:
    run = await trained(deployment)
    started, finished = deployment.runs()
    assert [started.status, finished.status] == ["started", "finished"]
    assert (started.cause, finished.cause) == ("request-0", started.id)
    assert run.candidate is not None
    statement = deployment.verifier.expect(
        run.candidate.envelope, subject_of("power", "request-0"), run.candidate.digest
    )
    assert statement.predicate["dataset"] == json.loads(run.dataset.model_dump_json()) if run.dataset else False
    assert run.cpu_seconds > 0
    assert run.environment is not None
    assert {"machine", "blas", "python", "numpy", "scikit-learn"} <= set(run.environment)


async def test_the_candidate_can_be_loaded_and_beats_what_was_served(deployment: Deployment) -> None:
    run = await trained(deployment)
    assert run.candidate is not None
    assert run.evaluation is not None
    model = unpack(deployment.store.get(run.candidate.digest))
    assert model.classes == ("no", "yes")
    judged = run.evaluation
    assert judged.candidate.rows == judged.champion.rows == judged.baseline.rows >= 50
    assert judged.gain.low > 0
    assert judged.gain.value == pytest.approx(judged.candidate.value - judged.champion.value)
    assert judged.candidate.low < judged.candidate.value < judged.candidate.high


async def test_the_profile_counts_every_feature_and_nothing_else(deployment: Deployment) -> None:
    run = await trained(deployment)
    assert run.candidate is not None
    profile = json.loads(deployment.store.get(run.candidate.profile))
    assert (profile["format"], list(profile["fields"])) == (1, ["load", "wind", "region"])
    assert sum(ReferenceBins.from_dict(profile["fields"]["load"]).counts) == 400


async def test_a_regression_is_scored_by_its_absolute_error(deployment: Deployment) -> None:
    run = await trained(deployment, task="regression", label={"name": "price"})
    assert run.evaluation is not None, run.failure
    assert run.evaluation.metric == "mae"
    assert run.evaluation.candidate.value < run.evaluation.baseline.value
    assert run.evaluation.gain.value == pytest.approx(run.evaluation.champion.value - run.evaluation.candidate.value)


async def test_the_same_request_is_the_same_candidate(deployment: Deployment) -> None:
    first = await trained(deployment)
    other = Deployment(deployment.signer, deployment.verifier)
    second = await trained(other)
    await other.process.close()
    measured = {"cpu_seconds": 0, "scoring_seconds": 0, "latency_p99_ms": 0}
    assert first.model_copy(update=measured) == second.model_copy(update=measured)
    assert first.latency_p99_ms is not None


async def test_families_compete_and_the_better_one_is_refitted_on_everything(deployment: Deployment) -> None:
    run = await trained(deployment, 300, models={"families": ["linear", "boosting"], "seed": 3})
    assert run.evaluation is not None
    assert run.candidate is not None
    means = {family: sum(scores) / len(scores) for family, scores in run.evaluation.families.items()}
    assert set(means) == {"linear", "boosting"}
    assert run.candidate.family == max(means, key=lambda family: means[family])
    assert unpack(deployment.store.get(run.candidate.digest)).details == {"rows": 300, "seed": 3}


async def test_a_dataset_is_archived_by_parts_that_are_used_again(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 300))
    await deployment.ask(request(until=300))
    await deployment.give(outcomes(stream.declaration, 200, first=300))
    run = (await deployment.ask(request(until=450, fence=1)))[-1]
    assert run.dataset is not None
    assert [(part.start, part.stop, part.rows) for part in run.dataset.segments] == [(0, 300, 300), (300, 450, 150)]
    assert run.dataset.rows == 450


async def test_how_the_archive_was_cut_does_not_change_the_model(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    found = outcomes(stream.declaration, 500)
    await deployment.give(found)
    await deployment.ask(request(until=300))
    by_parts = (await deployment.ask(request(until=500, fence=1)))[-1]
    other = Deployment(deployment.signer, deployment.verifier)
    at_once = await trained(other, 500)
    await other.process.close()
    assert by_parts.candidate is not None
    assert at_once.candidate is not None
    assert by_parts.candidate.digest == at_once.candidate.digest


async def test_a_part_that_the_store_has_lost_is_read_from_the_log_again(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 400))
    first = (await deployment.ask(request(until=300)))[-1]
    assert first.dataset is not None
    del deployment.store.contents[first.dataset.segments[0].digest]
    second = (await deployment.ask(request(until=400, fence=1)))[-1]
    assert second.status == "finished"
    assert second.dataset is not None
    assert [(part.start, part.stop) for part in second.dataset.segments] == [(0, 400)]


async def test_the_newest_revision_of_a_label_counts_and_the_expired_do_not(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    found = outcomes(stream.declaration, 100)
    other = {"yes": "no", "no": "yes"}
    revised = msgspec.structs.replace(
        found[3], data=msgspec.structs.replace(found[3].data, label=other[found[3].data.label], revision=1)
    )
    expired = msgspec.structs.replace(
        found[4], id="gone", data=msgspec.structs.replace(found[4].data, label=None, status="expired")
    )
    await deployment.give([*found, revised, found[3], expired])
    run = (await deployment.ask(request(until=103)))[-1]
    assert run.dataset is not None
    rows = rows_of(stream.declaration, [from_parquet(deployment.store.get(run.dataset.segments[0].digest))])
    assert len(rows) == run.dataset.rows == 100
    assert rows.labels[3] == revised.data.label
    assert rows.known_at.tolist() == [min(row + 11, 100) for row in range(100)], "labels come ten events late"


async def test_labels_that_come_all_at_once_are_learnt_from_once_events_came_after_them(
    deployment: Deployment,
) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    found = outcomes(stream.declaration, 300)
    together = found[199].time
    at_once = [msgspec.structs.replace(o, data=msgspec.structs.replace(o.data, label_time=together)) for o in found]
    await deployment.give(at_once[:200])
    run = (await deployment.ask(request(until=200)))[-1]
    assert run.status == "failed"
    assert str(run.failure).startswith("none of 200 labels came before the last event")
    await deployment.give(found[200:])
    run = (await deployment.ask(request(until=300, fence=1)))[-1]
    assert run.status == "finished"
    assert run.evaluation.candidate.rows == 100, "the rows that came after the labels"


@pytest.mark.parametrize("count", [0, 1, 5, 19])
async def test_too_little_to_learn_from_is_a_reason_not_a_fault(deployment: Deployment, count: int) -> None:
    run = await trained(deployment, count)
    assert (run.status, run.candidate) == ("failed", None)
    assert run.failure is not None
    assert "too few" in run.failure


async def test_one_class_alone_teaches_nothing(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    found = outcomes(stream.declaration, 100)
    await deployment.give([msgspec.structs.replace(o, data=msgspec.structs.replace(o.data, label="no")) for o in found])
    run = (await deployment.ask(request(until=100)))[-1]
    assert run.status == "failed"
    assert run.failure == "all 100 labels are 'no': there is nothing to tell apart"
    assert run.dataset is not None, "what was archived is known to the next run"


async def test_an_unknown_stream_fails_and_the_next_request_is_served(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 100))
    stranger = request(until=5, name="x").model_copy(update={"stream": "stranger"})
    runs = await deployment.ask(stranger, request(until=100))
    assert {(run.stream, run.status) for run in runs} == {
        ("stranger", "started"), ("stranger", "failed"), ("power", "started"), ("power", "finished"),
    }  # fmt: skip


async def test_a_request_that_was_overtaken_is_refused(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 100))
    await deployment.ask(request(until=100, fence=1))
    runs = await deployment.ask(request(until=90, fence=0), request(until=95, fence=1, name="usurper"))
    assert [(run.request, run.status) for run in runs[2:]] == [("request-0", "refused"), ("usurper", "refused")]


async def test_a_request_written_twice_is_run_once(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 100))
    runs = await deployment.ask(request(until=100), request(until=100))
    assert [run.status for run in runs].count("finished") == 1
    assert len(await deployment.ask(request(until=100))) == len(runs)


async def test_a_run_that_was_cut_off_is_done_again(deployment: Deployment) -> None:
    run = await trained(deployment)
    other = Deployment(deployment.signer, deployment.verifier)
    stream = await other.declare(declaration())
    await other.give(outcomes(stream.declaration, 400))
    await other.write(TRAINING_RUNS, [deployment.runs()[0]])
    await other.start()
    await other.process.run_until_quiet()
    assert other.runs()[-1].candidate == run.candidate
    await other.process.close()


async def test_a_run_that_has_ended_is_not_done_again_by_who_reads_it_anew(deployment: Deployment) -> None:
    await trained(deployment, 100)
    other = Deployment(deployment.signer, deployment.verifier)
    await other.declare(declaration())
    await other.write(TRAINING_RUNS, deployment.runs())
    await other.start()
    await other.process.run_until_quiet()
    assert other.runs() == deployment.runs()
    await other.process.close()


async def test_fields_that_came_or_changed_with_a_new_declaration_are_missing_before(deployment: Deployment) -> None:
    stream = await deployment.declare(declaration())
    await deployment.start()
    await deployment.give(outcomes(stream.declaration, 300))
    await deployment.ask(request(until=300))
    wider = declaration(
        fields={**json.loads(declaration().model_dump_json())["fields"], "solar": {"type": "number"}}, entity=None
    )
    await deployment.declare(wider, version=2)
    await deployment.process.run_until_quiet()
    run = (await deployment.ask(request(until=300, fence=1)))[-1]
    assert run.status == "finished"
    assert run.dataset is not None
    assert run.dataset.schema_version == 2


async def test_each_slice_with_enough_rows_has_its_own_scores(deployment: Deployment) -> None:
    run = await trained(deployment, slices=["region"], gates={"holdout": 20})
    assert run.evaluation is not None
    assert {one.field for one in run.evaluation.slices} == {"region"}
    assert sum(one.gain.rows for one in run.evaluation.slices) <= run.evaluation.gain.rows
    weighed = sum(one.gain.value * one.gain.rows for one in run.evaluation.slices)
    assert weighed == pytest.approx(run.evaluation.gain.value * run.evaluation.gain.rows)
    assert all(one.candidate.rows >= 20 for one in run.evaluation.slices)


class FaultyStore(MemoryStore):
    """A store that fails in a way that nothing foresees, the first `faults` times that something is put into it."""

    def __init__(self, faults: int) -> None:
        super().__init__()
        self.faults = faults

    def put(self, data: bytes) -> str:
        self.faults -= 1
        if self.faults >= 0:
            raise ZeroDivisionError("the store has lost its mind")
        return super().put(data)


@pytest.mark.parametrize(("faults", "status"), [(2, "finished"), (3, "failed"), (9, "failed")])
async def test_a_run_that_cannot_be_handled_has_failed_after_three_tries_and_the_next_one_is_run(
    deployment: Deployment, faults: int, status: str
) -> None:
    stream, store = await deployment.declare(declaration()), FaultyStore(faults)
    await deployment.start(store)
    await deployment.give(outcomes(stream.declaration, 400))
    runs = await deployment.ask(request(until=400))
    assert [run.status for run in runs] == ["started", status]
    assert ("lost its mind (3 tries)" in (runs[-1].failure or "")) == (status == "failed")
    store.faults = 0
    assert (await deployment.ask(request(until=400, fence=1)))[-1].status == "finished"


async def test_labels_of_too_many_classes_are_a_failed_run(deployment: Deployment) -> None:
    label = {"name": "up", "classes": [], "new_classes": "accept"}
    stream = await deployment.declare(declaration(task="multiclass", label=label))
    await deployment.start()
    found = outcomes(stream.declaration, 1100)
    for number, each in enumerate(found):
        each.data.label = f"class {number}"
    await deployment.give(found)
    run = (await deployment.ask(request(until=1100)))[-1]
    assert (run.status, "1000 classes" in (run.failure or "")) == ("failed", True)
