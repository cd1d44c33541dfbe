"""What each run was expected to gain and cost, and what it came to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.losses import LossMoments
from penstock.retrain_trigger.decision_record import decision_record
from penstock.retrain_trigger.ledger import COMPARED_BLOCKS, expected_cost, expected_gain, ledger_entries, realised_gain
from penstock.retrain_trigger.stream_state import StreamState

from .conftest import ended, promoted, statistics
from .simulated_stream import SimulatedStream, readings


def apply_blocks(state: StreamState, start: int, stop: int, score: float, epoch: int) -> None:
    """Apply the statistics of the blocks of 100 in `[start, stop)`."""
    for end in range(start + 100, stop + 1, 100):
        state.apply(statistics(end, score, epoch=epoch))


def trained_and_promoted(stream: SimulatedStream) -> StreamState:
    (request,) = stream.apply(statistics(500), trained=False)
    stream.state.apply(ended(request, gain=0.02, seconds=3.0))
    stream.state.apply(promoted(request, epoch=1))
    return stream.state


def test_the_realised_gain_is_the_score_after_the_promotion_minus_that_before() -> None:
    state = trained_and_promoted(SimulatedStream())
    apply_blocks(state, 0, 500, 0.7, epoch=0)
    apply_blocks(state, 500, 600, 0.1, epoch=1)  # part of it was answered by the model before
    assert realised_gain(state, state.requests[0]) is None
    apply_blocks(state, 600, 800, 0.8, epoch=1)
    apply_blocks(state, 800, 900, 0.2, epoch=2)
    (entry,) = ledger_entries(state)
    assert entry.realised is not None
    assert (round(entry.realised.value, 9), entry.realised.rows) == (0.1, 200)
    assert (entry.status, entry.rows, entry.seconds, entry.promoted) == ("finished", 500, 3.0, True)
    assert entry.gain is not None
    assert entry.gain.low == 0.02


def test_a_smaller_error_is_a_gain() -> None:
    state = trained_and_promoted(SimulatedStream())
    state.blocks.clear()
    apply_blocks(state, 0, 500, 30.0, epoch=0)
    apply_blocks(state, 500, 800, 20.0, epoch=1)
    state.blocks = {start: replace(block, metric="mae") for start, block in state.blocks.items()}
    realised = realised_gain(state, state.requests[0])
    assert realised is not None
    assert (round(realised.value, 9), realised.rows) == (10.0, 200)


def with_losses(state: StreamState, name: str, means: dict[int, float]) -> None:
    """Give the blocks of each epoch the mean loss of the objective, over 80 outcomes."""
    for start, block in state.blocks.items():
        loss = LossMoments(loss=name, rows=80, mean=means[block.epoch], squares=0.0)
        state.blocks[start] = replace(block, loss=loss)


def test_a_gain_is_in_what_an_answer_loses_by_the_objective() -> None:
    """Fewer right answers may lose less: by the objective that is a gain."""
    state = trained_and_promoted(SimulatedStream())
    apply_blocks(state, 0, 500, 0.8, epoch=0)
    apply_blocks(state, 500, 800, 0.7, epoch=1)
    with_losses(state, "log_loss", {0: 0.5, 1: 0.3})
    gain = realised_gain(state, state.requests[0])
    assert gain is not None
    assert (round(gain.value, 9), gain.rows, gain.loss) == (0.2, 160, "log_loss")
    assert expected_gain(state, "first") == pytest.approx(0.2)


def test_blocks_without_the_loss_or_of_another_are_compared_by_their_scores() -> None:
    state = trained_and_promoted(SimulatedStream())
    apply_blocks(state, 0, 500, 0.7, epoch=0)
    apply_blocks(state, 500, 800, 0.8, epoch=1)
    with_losses(state, "log_loss", {0: 0.5, 1: 0.3})
    other = state.blocks[400].loss
    assert other is not None
    for loss in (None, other.model_copy(update={"loss": "cost"})):
        state.blocks[400] = replace(state.blocks[400], loss=loss)
        gain = realised_gain(state, state.requests[0])
        assert gain is not None
        assert (round(gain.value, 9), gain.loss) == (0.1, None)


@given(st.integers(1, 40), st.integers(1, 40))
def test_no_more_than_the_nearest_blocks_are_compared(before: int, after: int) -> None:
    state = trained_and_promoted(SimulatedStream())
    state.blocks.clear()
    apply_blocks(state, 0, 100 * before, 0.7, epoch=0)
    apply_blocks(state, 100 * before, 100 * (before + 1 + after), 0.8, epoch=1)
    realised = realised_gain(state, state.requests[0])
    assert realised is not None
    assert realised.rows == 100 * min(after, COMPARED_BLOCKS)


def test_what_is_expected_of_a_run_is_what_runs_of_its_reason_came_to() -> None:
    stream = SimulatedStream(RetrainDeclaration(growth=2.0, fresh=0))
    state = trained_and_promoted(stream)
    assert expected_gain(state, "growth") is None
    apply_blocks(state, 0, 500, 0.7, epoch=0)
    apply_blocks(state, 500, 900, 0.8, epoch=1)
    assert expected_gain(state, "first") == pytest.approx(0.1)
    assert expected_cost(state) == pytest.approx(3.0 / 500 * 900)
    (grown,) = stream.apply(statistics(1000), trained=False)
    stream.state.apply(ended(grown, gain=0.3))
    assert expected_gain(state, "growth") == 0.0, "its model was not promoted"


def test_a_gain_is_kept_when_its_statistics_are_no_longer_kept() -> None:
    stream = SimulatedStream(RetrainDeclaration(growth=2.0, fresh=0))
    state = trained_and_promoted(stream)
    apply_blocks(state, 0, 500, 0.7, epoch=0)
    apply_blocks(state, 500, 900, 0.8, epoch=1)
    state.apply(statistics(1000, 0.8, epoch=1))
    decision = stream.decision()
    assert decision.request is not None
    state.apply(decision_record("power", state, decision, 0))
    state.apply(decision.request)
    gain = realised_gain(state, state.requests[0])
    state.blocks.clear()
    assert gain is not None
    assert realised_gain(state, state.requests[0]) == gain


@given(readings())
def test_the_ledger_does_not_depend_on_how_topics_interleave(reading: tuple[list, list]) -> None:  # type: ignore[type-arg]
    straight, mixed = StreamState(), StreamState()
    for state, records in zip((straight, mixed), reading, strict=True):
        for record in records:
            state.apply(record)
    assert ledger_entries(mixed) == ledger_entries(straight)


def test_what_is_matured_counts_whenever_it_comes() -> None:
    state = StreamState()
    final = statistics(100, 0.9).model_copy(update={"clock": "matured", "id": "a"})
    corrected = final.model_copy(update={"score": 0.8, "revised": 2, "id": "b"})
    for block in (final, statistics(100, 0.7), corrected, final):
        state.apply(block)
    assert [block.score for block in state.ordered_blocks()] == [0.8]
