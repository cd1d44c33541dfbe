"""When retraining is due, and what no order of arrival may change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.retrain_trigger.decision_records import told
from penstock.retrain_trigger.policy import Ruling, rule
from penstock.retrain_trigger.stream_history import Memory, Said

from .conftest import START, at, command, declared, drift, ended, imported, promoted, statistics

POLICY = RetrainDeclaration(first_after=500, cooldown=1000, settle=0, growth=2.0, fresh=0)


def due(policy: RetrainDeclaration, memory: Memory) -> TrainingRequest | None:
    ruling = rule("power", policy, memory)
    return ruling.request if ruling else None


class Story:
    """A stream's life: what is said is folded, and what is due is issued and, unless told otherwise, trained.

    A run's model is promoted when `gain`, the lower end of the interval of what it gained, is above 0.
    """

    def __init__(self, policy: RetrainDeclaration = POLICY, gain: float = 0.1) -> None:
        self.policy = policy
        self.gain = gain
        self.memory = Memory()
        self.issued: list[TrainingRequest] = []

    def say(self, *records: Said, trained: bool = True) -> list[TrainingRequest]:
        before = len(self.issued)
        for record in records:
            self.memory.apply(record)
            while (request := due(self.policy, self.memory)) is not None:
                self.memory.apply(request)
                self.issued.append(request)
                if trained:
                    self.train(request)
        return self.issued[before:]

    def train(self, request: TrainingRequest, learnt_from: int = 0) -> None:
        self.memory.apply(ended(request, gain=self.gain, learnt_from=learnt_from))
        if self.gain > 0:
            self.memory.apply(promoted(request, request.fence + 1))

    def fired(self, at: datetime) -> TrainingRequest | None:
        ruling = rule("power", self.policy, self.memory, at)
        return ruling.request if ruling else None

    def ruling(self) -> Ruling:
        ruling = rule("power", self.policy, self.memory)
        assert ruling is not None
        return ruling


def test_the_first_training_waits_for_enough_outcomes() -> None:
    story = Story()
    assert story.say(statistics(499)) == []
    (request,) = story.say(statistics(500))
    assert (request.reason, request.fence, request.until) == ("first", 0, 500)
    assert (request.cause, request.time) == ("s500", at(500))


def test_imported_history_is_enough_for_the_first_training() -> None:
    story = Story()
    assert story.say(imported(499)) == []
    (request,) = story.say(imported(520))
    assert (request.reason, request.until, request.cause) == ("first", 520, "i520")
    assert story.say(imported(520), imported(499)) == [], "told again, it is nothing new"
    assert story.ruling().reason == "nothing"
    assert [one.reason for one in story.say(statistics(1100))] == ["growth"]


def test_growth_counts_from_the_end_of_the_last_dataset() -> None:
    story = Story()
    story.say(statistics(600))
    assert story.say(statistics(1199)) == []
    (request,) = story.say(statistics(1200))
    assert (request.reason, request.fence, request.until) == ("growth", 1, 1200)


def test_one_run_at_a_time() -> None:
    story = Story()
    (first,) = story.say(statistics(500), trained=False)
    assert story.say(statistics(5000), drift(5001), command("c"), trained=False) == []
    (second,) = story.say(ended(first, "failed"), trained=False)
    assert (second.fence, second.reason) == (1, "command")


def test_confirmed_drift_after_the_cooldown_is_acted_on_at_once() -> None:
    story = Story()
    story.say(statistics(600))
    assert story.say(statistics(1100), ended(story.issued[0])) == []
    story.say(statistics(1200))
    (request,) = story.say(drift(2300))
    assert (request.reason, request.until, request.cause) == ("drift", 2300, "d2300")
    assert "adwin" in request.detail


def test_drift_within_the_cooldown_is_remembered_until_it_is_over() -> None:
    story = Story(RetrainDeclaration(first_after=500, cooldown=1000, settle=0, growth=100, fresh=0))
    story.say(statistics(500))
    assert story.say(drift(700), statistics(1499)) == []
    (request,) = story.say(statistics(1500))
    assert (request.reason, request.until, request.cause) == ("drift", 1500, "d700")


def test_what_drifted_before_the_last_dataset_ended_is_learnt_already() -> None:
    story = Story(RetrainDeclaration(first_after=500, cooldown=0, settle=0, growth=100, fresh=0))
    story.say(drift(400), statistics(500))
    assert [request.reason for request in story.issued] == ["first"]
    assert story.say(drift(500), statistics(1000)) == []


def test_a_change_that_another_training_overtook_before_it_settled_is_not_forgotten() -> None:
    story = Story(RetrainDeclaration(first_after=500, cooldown=0, settle=400, growth=2.0, fresh=0))
    story.say(statistics(500))
    (grown,) = story.say(drift(700), statistics(1000))
    assert (grown.reason, grown.since) == ("growth", None)
    (request,) = story.say(statistics(1100))
    assert (request.reason, request.since) == ("drift", 700)


def test_a_suspicion_and_a_policy_without_drift_train_nothing() -> None:
    story = Story()
    assert len(story.say(statistics(500), drift(1600, "suspected"))) == 2, "the first, and growth: not drift"
    without = Story(RetrainDeclaration(on_drift=False, growth=100))
    assert [request.reason for request in without.say(statistics(500), drift(1600))] == ["first"]


def test_a_thousand_drifts_are_one_request() -> None:
    story = Story(RetrainDeclaration(first_after=500, cooldown=1000, settle=0, growth=100, fresh=0))
    story.say(statistics(500))
    requests = story.say(*(drift(1500 + number % 7, name=f"-{number}") for number in range(1000)), statistics(2499))
    assert [request.reason for request in requests] == ["drift"]


@given(st.lists(st.integers(501, 5000), min_size=1, max_size=50))
def test_however_many_alarms_there_are_during_a_run_one_run_follows(outcomes: list[int]) -> None:
    story = Story(RetrainDeclaration(cooldown=0, settle=0, growth=100, fresh=0))
    (first,) = story.say(statistics(500), trained=False)
    alarms = [drift(count, name=f"-{number}") for number, count in enumerate(outcomes)]
    assert story.say(*alarms, trained=False) == []
    (request,) = story.say(ended(first), *alarms, trained=False)
    assert (request.until, request.since) == (max(outcomes), min(outcomes))


def test_a_command_is_obeyed_at_once_and_once() -> None:
    story = Story()
    (request,) = story.say(statistics(120), command("c1"))
    assert (request.reason, request.cause, request.until) == ("command", "c1", 120)
    assert story.say(command("c1"), statistics(130)) == []


def test_commands_given_during_a_run_are_answered_by_one_request() -> None:
    story = Story()
    (first,) = story.say(command("c1"), trained=False)
    story.say(command("c2"), command("c3"), trained=False)
    (second,) = story.say(ended(first))
    assert second.cause == "c3"


def test_the_calendar_trains_only_on_something_new() -> None:
    memory = Memory()
    cron = RetrainDeclaration(cron="0 0 * * *")
    assert rule("power", cron, memory, START) is None
    memory.apply(statistics(100))
    ruling = rule("power", cron, memory, START)
    assert ruling is not None
    request = ruling.request
    assert request is not None
    assert (request.reason, request.time, request.until) == ("schedule", START, 100)
    memory.apply(request)
    assert rule("power", cron, memory, START) is None, "a run is under way"
    memory.apply(ended(request))
    again = rule("power", cron, memory, START)
    assert again is not None
    assert again.request is None, "nothing new since"


def by_topic(said: Sequence[Said]) -> list[list[Said]]:
    kinds = (Statistics, Drift, Command, TrainingRequest, TrainingRun, ModelEpoch, StreamDeclared, Decision)
    return [[record for record in said if isinstance(record, kind)] for kind in kinds]


def happening(kind: str, number: int, outcomes: int, memory: Memory) -> Said | None:
    match kind:
        case "statistics":
            return statistics(outcomes)
        case "drift":
            return drift(outcomes, name=f"-{number}")
        case "suspicion":
            return drift(outcomes, "suspected", f"-{number}")
        case "command":
            return command(f"c{number}")
        case "promotion":
            return promoted(memory.last, number) if memory.last else None
        case "declaration":
            return declared(number + 1)
        case "decision":
            return told("power", memory, Ruling("nothing"), number) if memory.newest else None
        case _:
            return ended(memory.last) if memory.last else None


@st.composite
def lives(draw: st.DrawFn) -> list[Said]:
    """What a log holds after a life in which requests were issued as they fell due."""
    policy = RetrainDeclaration(
        first_after=20, cooldown=draw(st.integers(0, 60)), settle=draw(st.integers(0, 60)), growth=1.5, fresh=0.1
    )
    memory, said, outcomes = Memory(), list[Said](), 0
    kinds = st.sampled_from(
        ["statistics", "drift", "suspicion", "command", "end", "promotion", "declaration", "decision"]
    )
    for number, kind in enumerate(draw(st.lists(kinds, max_size=30))):
        outcomes += draw(st.integers(0, 30))
        record = happening(kind, number, outcomes, memory)
        while record is not None:
            memory.apply(record)
            said.append(record)
            record = due(policy, memory)
    return said


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Said], list[Said]]:
    """A log, and its records as a reader may meet them: any interleaving of the topics, some records again."""
    said = draw(lives())
    topics = by_topic(said)
    met: list[Said] = []
    while any(topics):
        topic = draw(st.sampled_from([topic for topic in topics if topic]))
        met.append(topic.pop(0))
        if draw(st.booleans()):
            met.append(draw(st.sampled_from(met)))
    return said, met


@given(readings())
def test_topics_may_interleave_and_records_come_again(reading: tuple[list[Said], list[Said]]) -> None:
    said, met = reading
    straight, mixed = Memory(), Memory()
    for record in said:
        straight.apply(record)
    for record in met:
        mixed.apply(record)
    assert mixed == straight
    assert list(mixed.commands) == list(straight.commands)


@given(readings())
def test_no_fence_is_used_twice_after_a_restart(reading: tuple[list[Said], list[Said]]) -> None:
    said, met = reading
    story = Story()
    for record in met:
        story.memory.apply(record)
    used = [record.fence for record in said if isinstance(record, TrainingRequest)]
    request = due(POLICY, story.memory)
    assert used == list(range(len(used)))
    assert request is None or request.fence == len(used)


@given(lives())
def test_there_is_never_a_second_request_while_one_is_under_way(said: list[Said]) -> None:
    under_way: str | None = None
    for record in said:
        if isinstance(record, TrainingRequest):
            assert under_way is None
            under_way = record.id
        elif isinstance(record, TrainingRun) and record.request == under_way:
            under_way = None


def test_a_change_is_given_time_to_settle_and_named_where_it_was_first_noticed() -> None:
    story = Story(RetrainDeclaration(first_after=500, cooldown=0, settle=400, growth=100, fresh=0))
    story.say(statistics(500))
    assert story.say(drift(700), drift(900), statistics(1099)) == []
    (request,) = story.say(statistics(1100))
    assert (request.reason, request.since, request.cause) == ("drift", 700, "d700")


def test_growth_counts_what_the_last_training_learnt_from() -> None:
    story = Story(RetrainDeclaration(first_after=500, cooldown=0, settle=400, growth=2.0, fresh=0))
    story.say(statistics(500))
    (request,) = story.say(drift(700), statistics(999), statistics(1100), trained=False)[-1:]
    story.say(ended(request).model_copy(update={"learnt_from": 700}))
    assert story.say(statistics(1499)) == []
    (grown,) = story.say(statistics(1500))
    assert (grown.reason, grown.since) == ("growth", 700)
