"""An event goes in, a prediction comes out, its label comes later, the world changes, and a new model answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.topics import AUDIT, DRIFT, EVENTS, MODELS, OUTCOMES, PREDICTIONS, TRAINING_REQUESTS
from penstock.contracts.topics import TRAINING_RUNS as RUNS

from .conftest import COUNT, PLANTED_AT, Ran, without_clocks


def test_every_event_is_predicted_once_and_joined_once(ran: Ran) -> None:
    report = ran.report
    assert (report.events, report.accepted, report.predicted, report.labels) == (COUNT, COUNT, COUNT, COUNT)
    assert (report.rejected, report.failed_requests) == (0, 0)
    sent = set(ran.sent.rows.numbers)
    for topic in (EVENTS, PREDICTIONS, OUTCOMES):
        assert Counter(record.id for record in ran.records(topic)) == Counter(sent), topic
    joined = ran.records(OUTCOMES)
    assert {outcome.data.status for outcome in joined} == {"joined"}
    assert {outcome.id: outcome.data.label for outcome in joined} == ran.sent.rows.labels


def test_the_change_of_the_world_is_noticed_after_it_came_and_not_before(ran: Ran) -> None:
    assert ran.report.drifts
    assert min(line.at_event or 0 for line in ran.report.drifts) >= PLANTED_AT


def test_models_are_promoted_and_answer_better_than_the_ones_before(ran: Ran) -> None:
    answered = [line for line in ran.report.epochs if line.at_event is not None]
    assert len(answered) >= 3
    assert [line.epoch for line in ran.report.epochs] == list(range(len(ran.report.epochs)))
    assert (answered[0].family, answered[0].at_event) == ("baseline", 0)
    noticed = min(line.at_event or 0 for line in ran.report.drifts)
    answer = next(line for line in answered if (line.at_event or 0) > noticed)
    rows, truths, answers = ran.sent.rows.numbers, ran.sent.rows.labels, ran.watch.predictions

    def right(first: int, last: int) -> float:
        chosen = [record_id for record_id, row in rows.items() if first <= row < last]
        return sum(answers[record_id][0] == truths[record_id] for record_id in chosen) / len(chosen)

    assert right(answer.at_event or 0, COUNT) > right(PLANTED_AT, answer.at_event or 0) + 0.05


def test_epochs_never_fall_along_a_partition_and_name_registered_models(ran: Ran) -> None:
    epochs = {record.epoch: record for record in ran.records(MODELS)}
    for place in ran.log.partitions_of(PREDICTIONS.name("penstock", ran.watch.stream.name)):
        found = PREDICTIONS.decoder(ran.watch.stream)(ran.log.records_of(place))
        seen = [record.data.epoch for record in found]
        assert seen == sorted(seen)
        for record in found:
            champion = epochs[record.data.epoch].champion
            assert (record.data.digest, record.data.version) == (champion.digest, champion.version)


def test_a_promotion_can_be_followed_back_to_the_outcome_that_caused_it(ran: Ran) -> None:
    outcomes = {record.id: record for record in ran.records(OUTCOMES)}
    drifts = {record.id: record for record in ran.records(DRIFT)}
    requests = {record.id: record for record in ran.records(TRAINING_REQUESTS)}
    runs = {record.id: record for record in ran.records(RUNS)}
    audited = {record.cause for record in ran.records(AUDIT)}
    promoted: list[ModelEpoch] = [record for record in ran.records(MODELS) if record.reason == "promotion"]
    reasons = set()
    for epoch in promoted:
        assert epoch.cause in audited
        run = runs[epoch.cause or ""]
        assert (run.status, run.candidate.digest) == ("finished", epoch.champion.digest)
        request = requests[runs[run.cause].cause]
        assert (runs[run.cause].status, run.request) == ("started", request.id)
        reasons.add(request.reason)
        if request.reason == "drift":
            drift = drifts[request.cause or ""]
            assert outcomes[drift.cause or ""].id == drift.event_id
    assert "drift" in reasons


def test_the_same_run_twice_is_the_same(ran: Ran, run_again: Callable[[], Ran]) -> None:
    again = run_again()
    assert without_clocks(again.report) == without_clocks(ran.report)
    assert again.watch.predictions == ran.watch.predictions
    digests = [[epoch.champion.digest for epoch in one.records(MODELS)] for one in (ran, again)]
    assert digests[0] == digests[1]
