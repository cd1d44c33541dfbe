"""When a model that a person pushed is judged, and that trainings are spaced as if it had never been."""

from __future__ import annotations

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.governance import Command
from penstock.contracts.records.pushes import Push

from .conftest import command, drift, ended, statistics
from .simulated_stream import SimulatedStream

HOLDOUT = 50  # rows, unless declared


def push(name: str) -> Command:
    return command(name).model_copy(update={"push": Push(digest=name, family="onnx")})


def test_a_push_is_judged_once_there_are_outcomes_to_judge_it_on() -> None:
    stream = SimulatedStream()
    assert stream.apply(push("a"), statistics(HOLDOUT - 1)) == []
    assert stream.decision().detail == "the model pushed by ann waits for 50 outcomes, there are 49"
    (request,) = stream.apply(statistics(HOLDOUT))
    assert (request.reason, request.cause, request.until) == ("command", "a", HOLDOUT)
    assert request.push is not None
    assert request.push.digest == "a"
    assert stream.apply(statistics(HOLDOUT + 1)) == []


def test_it_waits_for_outcomes_that_the_champion_has_not_learnt_from() -> None:
    stream = SimulatedStream()
    stream.apply(statistics(500))
    assert stream.apply(push("a"), statistics(549)) == []
    assert [request.cause for request in stream.apply(statistics(550))] == ["a"]


def test_each_of_several_pushes_is_judged_and_a_command_to_train_is_carried_out_too() -> None:
    stream = SimulatedStream(gain=-0.1)
    stream.apply(statistics(100))
    (first,) = stream.apply(push("a"), push("b"), command("c"), push("d"), trained=False)
    stream.apply(ended(first))
    causes = [request.cause for request in stream.issued]
    assert causes == ["a", "b", "d", "c"]
    assert [request.push is None for request in stream.issued] == [False, False, False, True]


def test_a_push_that_serves_does_not_grow_old() -> None:
    """Trainings follow one another as if the last one's model served, not ever faster."""
    stream = SimulatedStream(RetrainDeclaration(first_after=500, cooldown=0, growth=100, fresh=0), aging=0.0002)
    stream.apply(push("a"), statistics(100))
    stream.gain = -0.1  # nothing is promoted after it
    for outcomes in range(200, 4000, 100):
        stream.apply(statistics(outcomes))
    ends = [request.until for request in stream.issued if request.push is None]
    assert ends[:5] == [500, 900, 1300, 1700, 2100]


def test_trainings_are_spaced_as_if_nothing_had_been_pushed() -> None:
    plain, pushed = SimulatedStream(gain=-0.1), SimulatedStream(gain=-0.1)
    readings = [statistics(100), statistics(500), statistics(900), drift(1400), statistics(1600), statistics(4000)]
    for number, reading in enumerate(readings):
        plain.apply(reading)
        pushed.apply(push(f"push-{number}"), reading)
    assert [request.push is None for request in pushed.issued].count(False) == len(readings)
    trainings = [(one.reason, one.until, one.since) for one in pushed.issued if one.push is None]
    assert trainings == [(one.reason, one.until, one.since) for one in plain.issued]
