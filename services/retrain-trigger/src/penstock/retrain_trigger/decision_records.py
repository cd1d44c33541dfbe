"""A ruling as the record that tells of it."""

from __future__ import annotations

from penstock.contracts.ids import derived_id
from penstock.contracts.records.decisions import Decision
from penstock.retrain_trigger.ledger import expected_cost, expected_gain, realised_gain
from penstock.retrain_trigger.policy import SOURCE, Ruling
from penstock.retrain_trigger.stream_history import Memory


def is_news(ruling: Ruling, last: Decision | None) -> bool:
    """Whether the ruling, or its reason, differs from the last that was told."""
    request = ruling.request.id if ruling.request else None
    return last is None or (last.reason, last.request) != (ruling.reason, request)


def told(stream: str, memory: Memory, ruling: Ruling, number: int) -> Decision:
    """The decision that tells of the ruling, the stream's `number`-th; the memory holds at least one record."""
    request, last = ruling.request, memory.last
    occasion = request or memory.occasion or last
    assert occasion is not None
    return Decision(
        source=SOURCE,
        id=derived_id("decision", stream, number),
        time=occasion.time,
        cause=request.cause if request else occasion.id,
        stream=stream,
        number=number,
        verdict="retrain" if request else "wait",
        reason=ruling.reason,
        detail=ruling.detail,
        outcomes=memory.outcomes,
        arguments=ruling.arguments,
        request=request.id if request else None,
        expected_gain=expected_gain(memory, request.reason) if request else None,
        expected_cost=expected_cost(memory) if request else None,
        realised=realised_gain(memory, last) if request and last else None,
    )
