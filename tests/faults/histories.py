"""Generated histories of events and labels, where no service fails: duplicate, reordered, late, ahead, unreadable."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.faults.simulation import failure_text, run_plan
from tests.faults.steps.events import EVENTS
from tests.faults.steps.labels import LABELS
from tests.faults.steps.lives import LIVES
from tests.faults.steps.step import Kind, Step

LONGEST = 60  # steps
KINDS: Mapping[str, Kind] = EVENTS | LABELS | {"step": LIVES["step"]}

histories = st.lists(
    st.builds(Step, st.sampled_from(list(KINDS)), st.integers(0, (1 << 30) - 1)), min_size=5, max_size=LONGEST
)
"""Plans of events, labels and steps of work."""


def check_histories(count: int) -> None:
    """Carry out so many histories.

    Raises:
        AssertionError: one violates an invariant; the message has the shortest that was found.
    """

    @settings(max_examples=count, deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink))
    @given(histories)
    def check(steps: list[Step]) -> None:
        run = asyncio.run(run_plan(1, steps))
        assert not run.violations, failure_text(run)

    check()


def failing_history(count: int) -> str | None:
    """What a history violates, None when so many hold."""
    try:
        check_histories(count)
    except AssertionError as error:
        return str(error)
    return None
