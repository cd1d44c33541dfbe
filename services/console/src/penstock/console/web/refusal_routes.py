"""The addresses of what was refused, and of its repair."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote
from uuid import uuid4

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from penstock.console.failure import ConsoleFailure
from penstock.console.repair.site import LiveSite
from penstock.console.web.actions.command_form import CommandForm, read_fields, signed_form
from penstock.console.web.html_pages import Pages, root_of
from penstock.console.web.pages.refusals import read_refused
from penstock.console.web.repairs.repair_jobs import RepairJob, RepairJobs, RepairStep
from penstock.console.web.repairs.repair_order import TOPICS, RepairOrder, repair_order, topic_of
from penstock.console.web.repairs.repair_work import MOST_REPAIRED, carry_out
from penstock.console.web.sources import PageMissing, Sources

WAITED_S = 5.0
STEPS: Mapping[str, RepairStep] = {"release": "release", "drop": "drop"}


def add_refusal_routes(app: FastAPI, sources: Sources, pages: Pages) -> None:
    """Add the routes."""
    refused = _RefusedPages(sources, pages)

    @app.get("/streams/{stream}/refused", response_class=HTMLResponse)
    async def overview(request: Request, stream: str) -> Response:
        return await refused.overview(request, stream, dict(request.query_params))

    @app.post("/streams/{stream}/refused", response_class=HTMLResponse)
    async def preview(request: Request, stream: str) -> Response:
        return await refused.preview(request, stream)

    @app.get("/streams/{stream}/refused/jobs/{key}", response_class=HTMLResponse)
    async def job(request: Request, stream: str, key: str) -> Response:
        return await refused.job(request, stream, key)

    @app.post("/streams/{stream}/refused/jobs/{key}", response_class=HTMLResponse)
    async def carry_out_job(request: Request, stream: str, key: str) -> Response:
        return await refused.carry_out(request, stream, key)


class _RefusedPages:
    def __init__(self, sources: Sources, pages: Pages) -> None:
        self._sources = sources
        self._pages = pages
        self._jobs = RepairJobs()
        self._scan = asyncio.Lock()  # one scan of a topic at a time, however many look

    async def overview(
        self, request: Request, stream: str, fields: Mapping[str, str], refusal: str = "", status: int = 200
    ) -> HTMLResponse:
        """What is left of a topic, and the form that orders a repair, as far as it is filled in."""
        topic = topic_of(fields.get("topic") or TOPICS[0])
        async with self._scan:
            page = await read_refused(self._sources, stream, topic)
        return self._pages.render(
            request, "refused.html", status, page=page, stream=stream, topics=TOPICS, fields=fields, refusal=refusal,
            most=MOST_REPAIRED, live="", revision=0,
        )  # fmt: skip

    async def preview(self, request: Request, stream: str) -> Response:
        """Look what a repair would do."""
        fields = await read_fields(request)
        try:
            order = repair_order(fields)
            job = RepairJob(uuid4().hex, stream, "preview", order)
            self._start(job, "", None)
        except ConsoleFailure as failure:
            topic = fields.get("topic", "")
            known = {**fields, "topic": topic if topic in TOPICS else TOPICS[0]}
            return await self.overview(request, stream, known, str(failure), 422)
        return self._to_job(request, job)

    async def job(self, request: Request, stream: str, key: str) -> HTMLResponse:
        """A job, once it is over or after a while."""
        job = self._find(stream, key)
        await self._jobs.wait(job, WAITED_S)
        return self._page(request, job, CommandForm(epoch=0))

    async def carry_out(self, request: Request, stream: str, key: str) -> Response:
        """Release or drop what a preview looked at."""
        previewed = self._find(stream, key)
        fields = await read_fields(request)
        form = signed_form({**fields, "epoch": "0"})
        if form.errors:
            return self._page(request, previewed, form, "", 422)
        step = STEPS.get(fields.get("step", ""))
        if step is None or previewed.step != "preview":
            return self._page(request, previewed, form, "Say whether the records are released or dropped.", 422)
        if step == "drop" and previewed.order.describes_all:
            return self._page(request, previewed, form, "Say which records are dropped: not all of a topic.", 422)
        job = RepairJob(form.key, stream, step, previewed.order)
        try:
            self._start(job, form.reason, form.actor)
        except ConsoleFailure as failure:
            return self._page(request, previewed, form, str(failure), 409)
        return self._to_job(request, job)

    def _start(self, job: RepairJob, reason: str, by: str | None) -> None:
        declared, _ = self._sources.stream(job.stream)
        services = self._sources.repair_services
        if services is None:
            raise ConsoleFailure("PENSTOCK_SERVICES names no ingestion, which takes records in again")
        site = LiveSite(self._sources.log, self._sources.namespace, declared, services, by)
        self._jobs.start(job, lambda job: carry_out(site, job, reason))

    def _find(self, stream: str, key: str) -> RepairJob:
        job = self._jobs.find(key)
        if job is None or job.stream != stream:
            raise PageMissing("The console no longer knows this repair: preview it again. What was done, Audit tells.")
        return job

    def _to_job(self, request: Request, job: RepairJob) -> RedirectResponse:
        return RedirectResponse(f"{root_of(request)}/streams/{quote(job.stream)}/refused/jobs/{job.key}", 303)

    def _page(
        self, request: Request, job: RepairJob, form: CommandForm, refusal: str = "", status: int = 200
    ) -> HTMLResponse:
        order: RepairOrder = job.order
        where = order.where.model_dump(mode="json", exclude_defaults=True)
        rule = order.rule.model_dump(mode="json", exclude_defaults=True, exclude={"where"}) if order.rule else {}
        return self._pages.render(
            request, "repair.html", status, job=job, stream=job.stream, where=where, rule=rule, form=form,
            refusal=refusal, most=MOST_REPAIRED, live="", revision=0,
        )  # fmt: skip
