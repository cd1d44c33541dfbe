"""Routes of proposals: what waits for a person, and their decision."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Request

from penstock.contracts.declaration.stream import NAME_PATTERN
from penstock.registry.command_results import CommandResult
from penstock.registry.use_cases.registry import Registry
from penstock.registry.web import proposal_view, request_bodies
from penstock.registry.web.documentation import NO_STREAM, UNSERVABLE, command, view
from penstock.registry.web.request_bodies import Headers, PageLimit, ProposalNumber
from penstock.runtime.http.openapi import ProblemCodes

NO_PROPOSAL: ProblemCodes = {404: ["unknown_proposal", "not_found"], 409: ["proposal_decided"]}

_APPROVE = command(
    request_bodies.ApproveBody, NO_PROPOSAL, UNSERVABLE, {409: ["stale_epoch", "rollout_under_way"]}, required=False
)
_DECLINE = command(request_bodies.DeclineBody, NO_PROPOSAL)


def add_proposal_routes(app: FastAPI, registry: Registry) -> None:
    """Add the routes of proposals."""

    @app.get("/v1/proposals", **view(NO_STREAM))
    async def list_proposals(
        stream: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None, limit: PageLimit = 20
    ) -> dict[str, list[proposal_view.ProposalView]]:
        """The newest proposals, of one stream or of all, newest first."""
        read = registry.database.read
        return {"proposals": await read(lambda session: proposal_view.newest_proposals(session, stream, limit))}

    @app.post("/v1/proposals/{proposal}/approve", **_APPROVE)
    async def approve_proposal(proposal: ProposalNumber, request: Request, headers: Headers) -> CommandResult:
        """Carry a proposal out: its model serves, or its rollout starts."""
        body, context = await request_bodies.read_command(request, request_bodies.ApproveBody, headers)
        return await registry.approve(proposal, body.reason, context)

    @app.post("/v1/proposals/{proposal}/decline", **_DECLINE)
    async def decline_proposal(proposal: ProposalNumber, request: Request, headers: Headers) -> CommandResult:
        """Decline a proposal; the challenger of a rollout that made it is taken back."""
        body, context = await request_bodies.read_command(request, request_bodies.DeclineBody, headers)
        return await registry.decline(proposal, body.reason, context)
