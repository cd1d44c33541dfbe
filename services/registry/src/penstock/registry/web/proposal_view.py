"""What the registry shows of proposals over HTTP."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from penstock.registry.db import proposals, streams
from penstock.registry.db.tables import ProposalRow
from penstock.registry.proposal import ProposalEvidence
from penstock.registry.use_cases.proposal_commands import why_stale


class ProposalView(BaseModel):
    """A proposal to let `version` serve in place of `champion`, made at `epoch`, and why it `waits`.

    `action` is what approving it does: `promote` or `return` (the version serves at once), or the mode of the rollout
    that it starts. `state` is `waiting`, `stale` (it can no longer be approved, `reason` says why), `approved`,
    `declined` or `superseded`; `reason` is also that of the decision.
    """

    model_config = ConfigDict(frozen=True)

    proposal: int
    stream: str
    state: str
    action: str
    version: int
    champion: int
    epoch: int
    waits: str
    evidence: ProposalEvidence
    made: datetime
    decided: datetime | None
    decided_by: str | None
    reason: str | None


def newest_proposals(session: Session, stream: str | None, limit: int) -> list[ProposalView]:
    """The newest proposals, newest first; raises `CommandRefused` when the stream is unknown."""
    if stream is not None:
        streams.find_known(session, stream)
    return [_view(session, row) for row in proposals.newest(session, stream, limit)]


def _view(session: Session, row: ProposalRow) -> ProposalView:
    stale = why_stale(session, row, streams.find_known(session, row.stream)) if row.state == "waiting" else None
    return ProposalView(
        proposal=row.number,
        stream=row.stream,
        state="stale" if stale else row.state,
        action=_action(row),
        version=row.version,
        champion=row.champion,
        epoch=row.epoch,
        waits=row.waits,
        evidence=proposals.evidence_of(row),
        made=row.made,
        decided=row.decided,
        decided_by=row.decided_by,
        reason=stale or row.reason,
    )


def _action(row: ProposalRow) -> str:
    plan = proposals.plan_of(row)
    if plan is not None:
        return plan.mode
    return "return" if proposals.installation_of(row).reason == "rollback" else "promote"
