"""What a refused commit held is committed once it is handled again, also where no later record comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from penstock.bus.kafka.log import Connection
from penstock.retrain_trigger.kafka.faust_app import faust_app

PARTITION = TP("runs", 0)


class Answers:
    """What the broker says to each commit, True when the last is used up; `made` are those that it took."""

    def __init__(self, *answers: bool) -> None:
        self._answers = list(answers)
        self.made: list[dict[TP, int]] = []

    async def commit(self, offsets: dict[TP, int]) -> bool:
        """Answer."""
        is_made = self._answers.pop(0) if self._answers else True
        self.made += [offsets] * is_made
        return is_made


@pytest.mark.parametrize("before", [None, 3])
@pytest.mark.parametrize("refusals", [0, 1, 2])
async def test_what_a_refused_commit_held_is_committed_later(
    before: int | None, refusals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Answers(*[False] * refusals)
    consumer: Any = faust_app("group", Connection("localhost:1"), tmp_path).consumer
    monkeypatch.setattr(consumer, "assignment", lambda: {PARTITION})
    monkeypatch.setattr(consumer, "_commit", broker.commit)
    consumer._committed_offset[PARTITION] = before
    for _ in range(refusals + 1):  # the record is read again after each
        consumer._acked[PARTITION].append(3)
        await consumer._commit_tps([PARTITION], start_new_transaction=True)
    assert broker.made == [{PARTITION: 4}]
    assert consumer._committed_offset[PARTITION] == 4
