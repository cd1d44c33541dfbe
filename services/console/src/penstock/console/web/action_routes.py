"""The addresses of the actions: a page that says what will happen, and the command itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote
from uuid import uuid4

from fastapi import Depends, FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from penstock.console.web.actions.action import Action, ActionImpossible, Choice
from penstock.console.web.actions.catalogue import action_of, done_code
from penstock.console.web.actions.command_form import BadForm, CommandForm, read_fields, signed_form
from penstock.console.web.actions.rollout_actions import MODES
from penstock.console.web.actions.sent_commands import SentCommands
from penstock.console.web.actions.situation import read_situation
from penstock.console.web.html_pages import Pages, root_of
from penstock.console.web.registry_reader import RegistryFailure
from penstock.console.web.shared_pages import SharedPages
from penstock.console.web.sources import Sources

UNKNOWN = "Whether it was done is not known. It is safe to send this form again: it is done once."


def add_action_routes(app: FastAPI, sources: Sources, shared: SharedPages, pages: Pages) -> None:
    """Add the routes of all actions."""
    actions = _ActionPages(sources, shared, pages)

    @app.get("/streams/{stream}/actions/{name}", response_class=HTMLResponse)
    async def ask(request: Request, stream: str, name: str, choice: Annotated[Choice, Depends()]) -> Response:
        asked = _Asked(request, stream, name, choice)
        action = await actions.action(asked)
        return actions.page(asked, action, CommandForm(epoch=action.epoch))

    @app.post("/streams/{stream}/actions/{name}", response_class=HTMLResponse)
    async def carry_out(request: Request, stream: str, name: str, choice: Annotated[Choice, Depends()]) -> Response:
        return await actions.carry_out(_Asked(request, stream, name, choice))

    @app.exception_handler(ActionImpossible)
    async def impossible(request: Request, error: ActionImpossible) -> HTMLResponse:
        return pages.render(request, "failure.html", error.status, title="That makes no sense now", detail=str(error))

    @app.exception_handler(BadForm)
    async def bad_form(request: Request, error: BadForm) -> HTMLResponse:
        return pages.render(request, "failure.html", 400, title="Nothing was done", detail=str(error))


@dataclass(frozen=True)
class _Asked:
    """A request, and what its address names."""

    request: Request
    stream: str
    name: str
    choice: Choice


class _ActionPages:
    def __init__(self, sources: Sources, shared: SharedPages, pages: Pages) -> None:
        self._sources = sources
        self._shared = shared
        self._pages = pages
        self._sent: SentCommands[str] = SentCommands()

    async def action(self, asked: _Asked) -> Action:
        """The action as things are now."""
        return action_of(asked.name, await read_situation(self._sources, asked.stream), asked.choice)

    async def carry_out(self, asked: _Asked) -> Response:
        """Send the command and tell what came of it, or show the page again with what was typed and why not."""
        form = signed_form(await read_fields(asked.request))
        if form.errors:
            return await self._again(asked, form, "", 422)
        try:
            code = await self._sent.send(form.key, lambda: self._command(asked, form))
        except RegistryFailure as failure:
            if failure.status < 500:
                return await self._again(asked, replace(form, key=uuid4().hex), str(failure), failure.status)
            return self.page(asked, None, form, f"{failure}. {UNKNOWN}", failure.status)  # with its key and epoch
        self._shared.forget(asked.stream)
        return RedirectResponse(f"{root_of(asked.request)}/streams/{quote(asked.stream)}?done={code}", 303)

    async def _command(self, asked: _Asked, form: CommandForm) -> str:
        situation = await read_situation(self._sources, asked.stream)
        if form.epoch != situation.epoch:
            raise RegistryFailure(
                f"{asked.stream} is at epoch {situation.epoch} by now, and this page told of epoch {form.epoch}:"
                " nothing was sent. Read what would happen now.",
                409,
            )
        action = action_of(asked.name, situation, asked.choice)
        body = {**action.body, action.reason_key: form.reason}
        return done_code(asked.name, await self._sources.registry.command(action.path, body, form.actor, form.key))

    async def _again(self, asked: _Asked, form: CommandForm, refusal: str, status: int) -> HTMLResponse:
        try:
            action = await self.action(asked)
        except RegistryFailure as failure:
            return self.page(asked, None, form, refusal or str(failure), failure.status)
        return self.page(asked, action, replace(form, epoch=action.epoch), refusal, status)

    def page(
        self, asked: _Asked, action: Action | None, form: CommandForm, refusal: str = "", status: int = 200
    ) -> HTMLResponse:
        """The page of an action; without one where the registry cannot tell what would happen."""
        return self._pages.render(
            asked.request, "action.html", status, stream=asked.stream, name=asked.name, action=action, form=form,
            refusal=refusal, modes=MODES, live="", revision=0,
        )  # fmt: skip
