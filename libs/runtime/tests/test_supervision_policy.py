"""When a supervised process is restarted, and when it counts as stuck."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime.supervision.process_health import (
    SILENCE_LIMIT_S,
    HealthHistory,
    HealthStatus,
    ProcessState,
)
from penstock.runtime.supervision.restart_policy import (
    FAILING_FROM,
    LONGEST_DELAY_S,
    STEADY_AFTER_S,
    restart_delay_s,
)

READY, ALIVE, SILENT = HealthStatus(True, True), HealthStatus(True, False), HealthStatus(False, False)
failures = st.integers(0, 10_000)


@given(failures)
def test_delays_grow_up_to_the_longest(count: int) -> None:
    assert 0 <= restart_delay_s(count) <= restart_delay_s(count + 1) <= LONGEST_DELAY_S


@given(st.lists(st.sampled_from([READY, ALIVE]), min_size=1), failures)
def test_a_process_that_is_healthy_in_time_is_never_stuck(probes: list[HealthStatus], failed_before: int) -> None:
    now, history = 0.0, HealthHistory(0.0, SILENCE_LIMIT_S, failed_before)
    for status in probes:
        now += SILENCE_LIMIT_S
        assert not history.is_stuck(now)
        history = history.after(status, now)


def test_silence_after_an_answer_is_stuck_sooner_than_a_slow_start() -> None:
    started = HealthHistory(0.0, start_limit_s=90.0)
    assert not started.after(SILENT, 89.0).is_stuck(90.0)
    assert started.after(SILENT, 89.0).is_stuck(90.1)
    assert started.after(ALIVE, 1.0).is_stuck(1.1 + SILENCE_LIMIT_S)


@given(failures)
def test_earlier_failures_are_forgotten_only_after_a_steady_run(failed_before: int) -> None:
    history = HealthHistory(0.0, 90.0, failed_before).after(READY, 5.0).after(READY, 6.0)
    assert history.failures(5.0 + STEADY_AFTER_S) == 1
    assert history.failures(4.9 + STEADY_AFTER_S) == failed_before + 1
    assert history.after(ALIVE, 7.0).failures(5.0 + STEADY_AFTER_S) == failed_before + 1


def test_the_state_follows_the_last_probe() -> None:
    started = HealthHistory(0.0, 90.0)
    assert started.state is ProcessState.STARTING
    assert started.after(ALIVE, 1.0).state is ProcessState.UNREADY
    assert started.after(READY, 1.0).state is ProcessState.READY
    assert started.after(READY, 1.0).after(SILENT, 2.0).state is ProcessState.UNREADY
    assert HealthHistory(0.0, 90.0, FAILING_FROM).state is ProcessState.FAILING
