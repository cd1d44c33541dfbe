"""The closed loop: events are predicted and joined with labels, the stream drifts, and a new model takes over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.topics import AUDIT, DRIFT, EVENTS, MODELS, OUTCOMES, PREDICTIONS, TRAINING_REQUESTS
from penstock.contracts.topics import TRAINING_RUNS as RUNS

from .conftest import CHANGE_AT, COUNT, LoopRun, without_measurements


def test_every_event_is_predicted_once_and_joined_once(loop_run: LoopRun) -> None:
    report = loop_run.report
    assert (report.events, report.accepted, report.predicted, report.labels) == (COUNT, COUNT, COUNT, COUNT)
    assert (report.rejected, report.failed_requests) == (0, 0)
    sent = set(loop_run.sent.rows.ids())
    for topic in (EVENTS, PREDICTIONS, OUTCOMES):
        assert Counter(record.id for record in loop_run.records(topic)) == Counter(sent), topic
    joined = loop_run.records(OUTCOMES)
    assert {outcome.data.status for outcome in joined} == {"joined"}
    assert {outcome.id: outcome.data.label for outcome in joined} == loop_run.sent.rows.by_id()


def test_drift_is_detected_after_the_change_and_not_before(loop_run: LoopRun) -> None:
    assert loop_run.report.drifts
    assert min(line.at_event or 0 for line in loop_run.report.drifts) >= CHANGE_AT


def test_promoted_models_are_better_than_the_ones_before(loop_run: LoopRun) -> None:
    serving_epochs = [line for line in loop_run.report.epochs if line.at_event is not None]
    assert len(serving_epochs) >= 3
    assert [line.epoch for line in loop_run.report.epochs] == list(range(len(loop_run.report.epochs)))
    assert (serving_epochs[0].family, serving_epochs[0].at_event) == ("baseline", 0)
    first_drift = min(line.at_event or 0 for line in loop_run.report.drifts)
    next_epoch = next(line for line in serving_epochs if (line.at_event or 0) > first_drift)
    ids, labels, predictions = list(loop_run.sent.rows.ids()), loop_run.sent.rows.by_id(), loop_run.watch.predictions

    def accuracy(first: int, last: int) -> float:
        return sum(predictions[name][0] == labels[name] for name in ids[first:last]) / (last - first)

    assert accuracy(next_epoch.at_event or 0, COUNT) > accuracy(CHANGE_AT, next_epoch.at_event or 0) + 0.05


def test_epochs_never_fall_along_a_partition_and_name_registered_models(loop_run: LoopRun) -> None:
    epochs = {record.epoch: record for record in loop_run.records(MODELS)}
    for topic_partition in loop_run.log.partitions_of(PREDICTIONS.name("penstock", loop_run.watch.stream.name)):
        predictions = PREDICTIONS.decoder(loop_run.watch.stream)(loop_run.log.records_of(topic_partition))
        epoch_numbers = [record.data.epoch for record in predictions]
        assert epoch_numbers == sorted(epoch_numbers)
        for record in predictions:
            champion = epochs[record.data.epoch].champion
            assert (record.data.digest, record.data.version) == (champion.digest, champion.version)


def test_a_promotion_can_be_followed_back_to_the_outcome_that_caused_it(loop_run: LoopRun) -> None:
    outcomes = {record.id: record for record in loop_run.records(OUTCOMES)}
    drifts = {record.id: record for record in loop_run.records(DRIFT)}
    requests = {record.id: record for record in loop_run.records(TRAINING_REQUESTS)}
    runs = {record.id: record for record in loop_run.records(RUNS)}
    audited_causes = {record.cause for record in loop_run.records(AUDIT)}
    promoted: list[ModelEpoch] = [record for record in loop_run.records(MODELS) if record.reason == "promotion"]
    learnt_since = set()
    for epoch in promoted:
        assert epoch.cause in audited_causes
        run = runs[epoch.cause or ""]
        assert (run.status, run.candidate.digest) == ("finished", epoch.champion.digest)
        request = requests[runs[run.cause].cause]
        assert (runs[run.cause].status, run.request) == ("started", request.id)
        learnt_since.add(request.since)
    for_drift = [drifts[request.cause or ""] for request in requests.values() if request.reason == "drift"]
    assert all(outcomes[drift.cause or ""].id == drift.event_id for drift in for_drift)
    assert learnt_since & {drift.outcomes for drift in for_drift}, "a model of what came since serves"


def test_the_same_run_twice_is_the_same(loop_run: LoopRun, run_again: Callable[[], LoopRun]) -> None:
    again = run_again()
    assert without_measurements(again.report) == without_measurements(loop_run.report)
    assert again.watch.predictions == loop_run.watch.predictions
    digests = [[epoch.champion.digest for epoch in run.records(MODELS)] for run in (loop_run, again)]
    assert digests[0] == digests[1]
