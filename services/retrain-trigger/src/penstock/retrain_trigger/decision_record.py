"""The record of a decision to retrain or to wait, for `decisions`."""

from __future__ import annotations

from penstock.contracts.ids import derived_id
from penstock.contracts.records.decisions import Decision
from penstock.retrain_trigger.ledger import expected_cost, expected_gain, realised_gain
from penstock.retrain_trigger.retrain_policy import SOURCE, RetrainDecision
from penstock.retrain_trigger.stream_state import StreamState


def differs(decision: RetrainDecision, last: Decision | None) -> bool:
    """Whether the decision or its reason differs from the last one that was recorded."""
    request = decision.request.id if decision.request else None
    return last is None or (last.reason, last.request) != (decision.reason, request)


def decision_record(stream: str, state: StreamState, decision: RetrainDecision, number: int) -> Decision:
    """The record of the stream's `number`-th decision; the state holds at least one record."""
    request, last_request = decision.request, state.last_request
    trigger = request or state.outcome_report or last_request
    assert trigger is not None
    return Decision(
        source=SOURCE,
        id=derived_id("decision", stream, number),
        time=trigger.time,
        cause=request.cause if request else trigger.id,
        stream=stream,
        number=number,
        verdict="retrain" if request else "wait",
        reason=decision.reason,
        detail=decision.detail,
        outcomes=state.outcomes,
        arguments=decision.statuses,
        request=request.id if request else None,
        expected_gain=expected_gain(state, request.reason) if request else None,
        expected_cost=expected_cost(state) if request else None,
        realised=realised_gain(state, last_request) if request and last_request else None,
    )
