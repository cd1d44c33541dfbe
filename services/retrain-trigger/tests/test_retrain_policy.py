"""When retraining is due, and what no order of arrival may change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.retrain_trigger.retrain_policy import evaluate_policy
from penstock.retrain_trigger.stream_state import StreamRecord, StreamState

from .conftest import START, at, command, drift, ended, imported, promoted, statistics
from .simulated_stream import POLICY, SimulatedStream, logs, readings, request_due


def test_the_first_training_waits_for_enough_outcomes() -> None:
    stream = SimulatedStream()
    assert stream.apply(statistics(499)) == []
    (request,) = stream.apply(statistics(500))
    assert (request.reason, request.fence, request.until) == ("first", 0, 500)
    assert (request.cause, request.time) == ("s500", at(500))


def test_imported_history_is_enough_for_the_first_training() -> None:
    stream = SimulatedStream()
    assert stream.apply(imported(499)) == []
    (request,) = stream.apply(imported(520))
    assert (request.reason, request.until, request.cause) == ("first", 520, "i520")
    assert stream.apply(imported(520), imported(499)) == [], "repeated, it is nothing new"
    assert stream.decision().reason == "nothing"
    assert [request.reason for request in stream.apply(statistics(1100))] == ["growth"]


def test_growth_counts_from_the_end_of_the_last_dataset() -> None:
    stream = SimulatedStream()
    stream.apply(statistics(600))
    assert stream.apply(statistics(1199)) == []
    (request,) = stream.apply(statistics(1200))
    assert (request.reason, request.fence, request.until) == ("growth", 1, 1200)


def test_one_run_at_a_time() -> None:
    stream = SimulatedStream()
    (first,) = stream.apply(statistics(500), trained=False)
    assert stream.apply(statistics(5000), drift(5001), command("c"), trained=False) == []
    (second,) = stream.apply(ended(first, "failed"), trained=False)
    assert (second.fence, second.reason) == (1, "command")


def test_confirmed_drift_after_the_cooldown_is_acted_on_at_once() -> None:
    stream = SimulatedStream()
    stream.apply(statistics(600))
    assert stream.apply(statistics(1100), ended(stream.issued[0])) == []
    stream.apply(statistics(1200))
    (request,) = stream.apply(drift(2300))
    assert (request.reason, request.until, request.cause) == ("drift", 2300, "d2300")
    assert "adwin" in request.detail


def test_drift_within_the_cooldown_is_remembered_until_it_is_over() -> None:
    stream = SimulatedStream(RetrainDeclaration(first_after=500, cooldown=1000, settle=0, growth=100, fresh=0))
    stream.apply(statistics(500))
    assert stream.apply(drift(700), statistics(1499)) == []
    (request,) = stream.apply(statistics(1500))
    assert (request.reason, request.until, request.cause) == ("drift", 1500, "d700")


def test_what_drifted_before_the_last_dataset_ended_is_learnt_already() -> None:
    stream = SimulatedStream(RetrainDeclaration(first_after=500, cooldown=0, settle=0, growth=100, fresh=0))
    stream.apply(drift(400), statistics(500))
    assert [request.reason for request in stream.issued] == ["first"]
    assert stream.apply(drift(500), statistics(1000)) == []


def test_a_change_that_another_training_overtook_before_it_settled_is_not_forgotten() -> None:
    stream = SimulatedStream(RetrainDeclaration(first_after=500, cooldown=0, settle=400, growth=2.0, fresh=0))
    stream.apply(statistics(500))
    (grown,) = stream.apply(drift(700), statistics(1000))
    assert (grown.reason, grown.since) == ("growth", None)
    (request,) = stream.apply(statistics(1100))
    assert (request.reason, request.since) == ("drift", 700)


def test_a_suspicion_and_a_policy_without_drift_train_nothing() -> None:
    stream = SimulatedStream()
    assert len(stream.apply(statistics(500), drift(1600, "suspected"))) == 2, "the first, and growth: not drift"
    without = SimulatedStream(RetrainDeclaration(on_drift=False, growth=100))
    assert [request.reason for request in without.apply(statistics(500), drift(1600))] == ["first"]


def test_a_thousand_drifts_are_one_request() -> None:
    stream = SimulatedStream(RetrainDeclaration(first_after=500, cooldown=1000, settle=0, growth=100, fresh=0))
    stream.apply(statistics(500))
    requests = stream.apply(*(drift(1500 + number % 7, name=f"-{number}") for number in range(1000)), statistics(2499))
    assert [request.reason for request in requests] == ["drift"]


@given(st.lists(st.integers(501, 5000), min_size=1, max_size=50))
def test_however_many_alarms_there_are_during_a_run_one_run_follows(outcomes: list[int]) -> None:
    stream = SimulatedStream(RetrainDeclaration(cooldown=0, settle=0, growth=100, fresh=0))
    (first,) = stream.apply(statistics(500), trained=False)
    alarms = [drift(count, name=f"-{number}") for number, count in enumerate(outcomes)]
    assert stream.apply(*alarms, trained=False) == []
    (request,) = stream.apply(ended(first), *alarms, trained=False)
    assert (request.until, request.since) == (max(outcomes), max(outcomes))


def test_a_command_is_obeyed_at_once_and_once() -> None:
    stream = SimulatedStream()
    (request,) = stream.apply(statistics(120), command("c1"))
    assert (request.reason, request.cause, request.until) == ("command", "c1", 120)
    assert stream.apply(command("c1"), statistics(130)) == []


def test_commands_given_during_a_run_are_answered_by_one_request() -> None:
    stream = SimulatedStream()
    (first,) = stream.apply(command("c1"), trained=False)
    stream.apply(command("c2"), command("c3"), trained=False)
    (second,) = stream.apply(ended(first))
    assert second.cause == "c3"


def test_the_calendar_trains_only_on_something_new() -> None:
    state = StreamState()
    cron = RetrainDeclaration(cron="0 0 * * *")
    assert evaluate_policy("power", cron, state, START) is None
    state.apply(statistics(100))
    decision = evaluate_policy("power", cron, state, START)
    assert decision is not None
    request = decision.request
    assert request is not None
    assert (request.reason, request.time, request.until) == ("schedule", START, 100)
    state.apply(request)
    assert evaluate_policy("power", cron, state, START) is None, "a run is under way"
    state.apply(ended(request))
    again = evaluate_policy("power", cron, state, START)
    assert again is not None
    assert again.request is None, "nothing new since"


@given(readings())
def test_topics_may_interleave_and_records_come_again(reading: tuple[list[StreamRecord], list[StreamRecord]]) -> None:
    log, records = reading
    straight, mixed = StreamState(), StreamState()
    for record in log:
        straight.apply(record)
    for record in records:
        mixed.apply(record)
    assert mixed == straight
    assert list(mixed.commands) == list(straight.commands)


@given(readings())
def test_no_fence_is_used_twice_after_a_restart(reading: tuple[list[StreamRecord], list[StreamRecord]]) -> None:
    log, records = reading
    stream = SimulatedStream()
    for record in records:
        stream.state.apply(record)
    used = [record.fence for record in log if isinstance(record, TrainingRequest)]
    request = request_due(POLICY, stream.state)
    assert used == list(range(len(used)))
    assert request is None or request.fence == len(used)


@given(logs())
def test_there_is_never_a_second_request_while_one_is_under_way(log: list[StreamRecord]) -> None:
    under_way: str | None = None
    for record in log:
        if isinstance(record, TrainingRequest):
            assert under_way is None
            under_way = record.id
        elif isinstance(record, TrainingRun) and record.request == under_way:
            under_way = None


def test_a_change_is_given_time_to_settle_and_named_where_it_was_first_noticed() -> None:
    stream = SimulatedStream(RetrainDeclaration(first_after=500, cooldown=0, settle=400, growth=100, fresh=0))
    stream.apply(statistics(500))
    assert stream.apply(drift(700), drift(900), statistics(1099)) == []
    (request,) = stream.apply(statistics(1100))
    assert (request.reason, request.since, request.cause) == ("drift", 700, "d700")


def test_growth_counts_what_the_last_training_learnt_from() -> None:
    stream = SimulatedStream(RetrainDeclaration(first_after=500, cooldown=0, settle=400, growth=2.0, fresh=0))
    stream.apply(statistics(500))
    (request,) = stream.apply(drift(700), statistics(999), statistics(1100), trained=False)[-1:]
    stream.apply(ended(request).model_copy(update={"learnt_from": 700}), promoted(request, 1))
    assert stream.apply(statistics(1499)) == []
    (grown,) = stream.apply(statistics(1500))
    assert (grown.reason, grown.since) == ("growth", 700)
