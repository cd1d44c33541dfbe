"""When a process is restarted, and when it counts as stuck."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.console.deployment import State
from penstock.console.supervision.restart_policy import (
    FAILING_FROM,
    LONGEST_DELAY_S,
    SILENCE_LIMIT_S,
    STEADY_AFTER_S,
    Answer,
    Watch,
    restart_delay_s,
)

READY, ALIVE, SILENT = Answer(True, True), Answer(True, False), Answer(False, False)
failures = st.integers(0, 10_000)


@given(failures)
def test_delays_grow_up_to_the_longest(count: int) -> None:
    assert 0 <= restart_delay_s(count) <= restart_delay_s(count + 1) <= LONGEST_DELAY_S


@given(st.lists(st.sampled_from([READY, ALIVE]), min_size=1), failures)
def test_who_answers_in_time_is_never_stuck(answers: list[Answer], before: int) -> None:
    now, watch = 0.0, Watch(0.0, SILENCE_LIMIT_S, before)
    for answer in answers:
        now += SILENCE_LIMIT_S
        assert not watch.is_stuck(now)
        watch = watch.after(answer, now)


def test_silence_after_an_answer_is_stuck_sooner_than_a_slow_start() -> None:
    started = Watch(0.0, start_limit_s=90.0)
    assert not started.after(SILENT, 89.0).is_stuck(90.0)
    assert started.after(SILENT, 89.0).is_stuck(90.1)
    assert started.after(ALIVE, 1.0).is_stuck(1.1 + SILENCE_LIMIT_S)


@given(failures)
def test_only_a_steady_run_forgives_earlier_failures(before: int) -> None:
    watch = Watch(0.0, 90.0, before).after(READY, 5.0).after(READY, 6.0)
    assert watch.failures(5.0 + STEADY_AFTER_S) == 1
    assert watch.failures(4.9 + STEADY_AFTER_S) == before + 1
    assert watch.after(ALIVE, 7.0).failures(5.0 + STEADY_AFTER_S) == before + 1


def test_states_are_named_for_what_was_answered() -> None:
    fresh = Watch(0.0, 90.0)
    assert fresh.state is State.STARTING
    assert fresh.after(ALIVE, 1.0).state is State.UNREADY
    assert fresh.after(READY, 1.0).state is State.READY
    assert fresh.after(READY, 1.0).after(SILENT, 2.0).state is State.UNREADY
    assert Watch(0.0, 90.0, FAILING_FROM).state is State.FAILING
