"""What each run was expected to bring, and what it brought."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.retrain_trigger.decision_records import told
from penstock.retrain_trigger.ledger import COMPARED, expected_cost, expected_gain, ledger, realised_gain
from penstock.retrain_trigger.stream_history import Memory

from .conftest import ended, promoted, statistics
from .test_policy import Story, readings


def went(memory: Memory, start: int, stop: int, score: float, epoch: int) -> None:
    """The blocks of 100 in `[start, stop)` went like that."""
    for end in range(start + 100, stop + 1, 100):
        memory.apply(statistics(end, score, epoch=epoch))


def trained_and_promoted(story: Story) -> Memory:
    (request,) = story.say(statistics(500), trained=False)
    story.memory.apply(ended(request, gain=0.02, seconds=3.0))
    story.memory.apply(promoted(request, epoch=1))
    return story.memory


def test_the_realised_gain_is_the_score_after_the_promotion_minus_that_before() -> None:
    memory = trained_and_promoted(Story())
    went(memory, 0, 500, 0.7, epoch=0)
    went(memory, 500, 600, 0.1, epoch=1)  # part of it was answered by the model before
    assert realised_gain(memory, memory.requests[0]) is None
    went(memory, 600, 800, 0.8, epoch=1)
    went(memory, 800, 900, 0.2, epoch=2)
    (entry,) = ledger(memory)
    assert entry.realised is not None
    assert (round(entry.realised.value, 9), entry.realised.rows) == (0.1, 200)
    assert (entry.status, entry.rows, entry.seconds, entry.promoted) == ("finished", 500, 3.0, True)
    assert entry.gain is not None
    assert entry.gain.low == 0.02


def test_a_smaller_error_is_a_gain() -> None:
    memory = trained_and_promoted(Story())
    memory.blocks.clear()
    went(memory, 0, 500, 30.0, epoch=0)
    went(memory, 500, 800, 20.0, epoch=1)
    memory.blocks = {start: block.model_copy(update={"metric": "mae"}) for start, block in memory.blocks.items()}
    realised = realised_gain(memory, memory.requests[0])
    assert realised is not None
    assert (round(realised.value, 9), realised.rows) == (10.0, 200)


@given(st.integers(1, 40), st.integers(1, 40))
def test_no_more_than_the_nearest_blocks_are_compared(before: int, after: int) -> None:
    memory = trained_and_promoted(Story())
    memory.blocks.clear()
    went(memory, 0, 100 * before, 0.7, epoch=0)
    went(memory, 100 * before, 100 * (before + 1 + after), 0.8, epoch=1)
    realised = realised_gain(memory, memory.requests[0])
    assert realised is not None
    assert realised.rows == 100 * min(after, COMPARED)


def test_what_is_expected_of_a_run_is_what_runs_of_its_reason_came_to() -> None:
    story = Story(RetrainDeclaration(growth=2.0, fresh=0))
    memory = trained_and_promoted(story)
    assert expected_gain(memory, "growth") is None
    went(memory, 0, 500, 0.7, epoch=0)
    went(memory, 500, 900, 0.8, epoch=1)
    assert expected_gain(memory, "first") == pytest.approx(0.1)
    assert expected_cost(memory) == pytest.approx(3.0 / 500 * 900)
    (grown,) = story.say(statistics(1000), trained=False)
    story.memory.apply(ended(grown, gain=0.3))
    assert expected_gain(memory, "growth") == 0.0, "its model was not promoted"


def test_a_gain_is_still_known_when_its_statistics_are_no_longer_kept() -> None:
    story = Story(RetrainDeclaration(growth=2.0, fresh=0))
    memory = trained_and_promoted(story)
    went(memory, 0, 500, 0.7, epoch=0)
    went(memory, 500, 900, 0.8, epoch=1)
    memory.apply(statistics(1000, 0.8, epoch=1))
    ruling = story.ruling()
    assert ruling.request is not None
    memory.apply(told("power", memory, ruling, 0))
    memory.apply(ruling.request)
    known = realised_gain(memory, memory.requests[0])
    memory.blocks.clear()
    assert known is not None
    assert realised_gain(memory, memory.requests[0]) == known


@given(readings())
def test_the_ledger_does_not_depend_on_how_topics_interleave(reading: tuple[list, list]) -> None:  # type: ignore[type-arg]
    straight, mixed = Memory(), Memory()
    for memory, said in zip((straight, mixed), reading, strict=True):
        for record in said:
            memory.apply(record)
    assert ledger(mixed) == ledger(straight)


def test_what_is_matured_counts_whenever_it_comes() -> None:
    memory = Memory()
    final = statistics(100, 0.9).model_copy(update={"clock": "matured", "id": "a"})
    corrected = final.model_copy(update={"score": 0.8, "revised": 2, "id": "b"})
    for block in (final, statistics(100, 0.7), corrected, final):
        memory.apply(block)
    assert [block.score for block in memory.newest_blocks()] == [0.8]
