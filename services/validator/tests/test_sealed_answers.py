"""An event with an answer is accepted only if the answer has the server's seal."""

from __future__ import annotations

import pytest

from penstock.artifacts.seal import Seal
from penstock.bus.state.unit_state import MemoryStateStore
from penstock.contracts.codecs.sealed_answer import encode_answer, join_answer, sealed_message
from penstock.contracts.records.predictions import PredictionData

from .test_handlers import Partition, declared, event, records_of

SEAL = Seal(bytes(32))
ANSWER = encode_answer(PredictionData(value="yes", model="m", version=1, digest="d", epoch=1, schema=1, code="0"))


def sealed(stream: str = "loans", event_id: str = "a", text: str = ANSWER, seal: Seal = SEAL) -> str:
    return join_answer(seal.mac(sealed_message(stream, "http", event_id, text)), text)


def test_a_sealed_answer_is_accepted() -> None:
    partition = Partition(declared(), MemoryStateStore(), SEAL)

    partition.handle(records_of([event(answer=sealed())]))

    assert len(partition.written["events"]) == 1


FORGED = {
    "no seal": ANSWER,
    "of another stream": sealed(stream="other"),
    "of another event": sealed(event_id="b"),
    "under another key": sealed(seal=Seal(bytes([1]) * 32)),
    "no answer": sealed(text="hello"),
    "empty": "",
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_answer_is_rejected(case: str) -> None:
    partition = Partition(declared(), MemoryStateStore(), SEAL)

    partition.handle(records_of([event(answer=FORGED[case])]))

    assert [rejection.data.code for rejection in partition.rejections()] == ["forged_answer"]


def test_without_a_key_every_answer_is_rejected() -> None:
    partition = Partition(declared(), MemoryStateStore())

    partition.handle(records_of([event(answer=sealed())]))

    assert [rejection.data.code for rejection in partition.rejections()] == ["forged_answer"]
