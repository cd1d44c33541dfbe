"""The simulation finds bugs: each is planted in one part, and some seed shows it by the invariant named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.planted.bugs import BUGS, PlantedBug, is_secret_bug_found
from tests.faults.planted.secrets import compared_secrets

SOURCES = Path(__file__).parents[2]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
async def test_a_planted_bug_is_found_by_its_invariant(bug: PlantedBug) -> None:
    assert await bug.finding_seed() is not None


def test_a_secret_that_is_compared_with_equals_is_found() -> None:
    assert is_secret_bug_found()
    sources = [path for folder in ("libs", "services") for path in (SOURCES / folder).glob("*/src/**/*.py")]
    assert {str(path): lines for path in sources if (lines := compared_secrets(path.read_text()))} == {}
