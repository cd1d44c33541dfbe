"""The commands that both `rejected` and `dead-letters` have: list, show, edit, preview, release, drop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from penstock.console.commands import repair_options as options
from penstock.console.commands.editor import edit_in_editor
from penstock.console.commands.json_output import AsJson, print_json, tell
from penstock.console.commands.repair_options import Places, Stream, Where, selection
from penstock.console.failure import wrong_input
from penstock.console.registry_command import Reason
from penstock.console.remote_deployment import used_deployment
from penstock.console.repair import edit as edits
from penstock.console.repair.assessed_pages import Run, Tally
from penstock.console.repair.defect_scan import DefectLog
from penstock.console.repair.defects import Place
from penstock.console.repair.drop import drop as drop_records
from penstock.console.repair.inspection import inspect
from penstock.console.repair.live_site import each_defect_log, live_site
from penstock.console.repair.overview import Overview, overview
from penstock.console.repair.partition_scan import running_total
from penstock.console.repair.release import preview as preview_release
from penstock.console.repair.release import release as release_records
from penstock.console.repair.site import LiveSite
from penstock.console.views.printable_text import readable
from penstock.console.views.progress import progress_bar
from penstock.console.views.repair_documents import inspection_document, overview_document, tally_document
from penstock.console.views.repair_tables import counts_table, inspection_lines, page_table, rule_line, tally_table
from penstock.console.views.terminal import err, out
from penstock.contracts.records.repairs import DefectTopic, Selection

R = TypeVar("R")

AtPlace = Annotated[str, typer.Argument(metavar="AT", help="The record as PARTITION:OFFSET, as `list` names it.")]
Why = Annotated[str, typer.Option("--reason", "--why", help="The reason, for the audit log; it is needed.")]


def repair_commands(topic: DefectTopic, text: str) -> typer.Typer:
    """The commands on one of the two topics."""
    app = typer.Typer(help=text, no_args_is_help=True)
    _add_views(app, topic)
    _add_edit(app, topic)
    _add_ends(app, topic)
    return app


def _add_views(app: typer.Typer, topic: DefectTopic) -> None:
    @app.command("list")
    def list_(
        stream: Annotated[str | None, typer.Argument(metavar="[STREAM]", help="All streams unless set.")] = None,
        where: Where = None,
        limit: Annotated[int, typer.Option(min=0, max=1000, help="Records to show of the stream.")] = 20,
        after: Annotated[str | None, typer.Option(metavar="AT", help="Show the records behind this one.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Count what is left, by code and field; of a stream that is named show its records too, a page at a time."""
        place = None if after is None else _place(after)
        found = asyncio.run(_overviews(topic, stream, selection(None, where), limit if stream else 0, place))
        if as_json:
            print_json({"streams": [overview_document(one) for one in found]})
        else:
            _print_overviews(topic, found, stream)

    @app.command()
    def show(stream: Stream, at: AtPlace, as_json: AsJson = False) -> None:
        """Show a record with its bytes, what is wrong with it, and what a release would do with it."""
        place = _place(at)
        inspection = asyncio.run(_on_site(stream, lambda site: inspect(site, topic, place)))
        if as_json:
            print_json(inspection_document(inspection))
        else:
            out.print("\n".join(inspection_lines(inspection)), markup=False)


def _add_edit(app: typer.Typer, topic: DefectTopic) -> None:
    @app.command()
    def edit(
        stream: Stream,
        at: Places = None,
        where: Where = None,
        rename: options.Rename = None,
        cast: options.CastTo = None,
        set_to: options.SetTo = None,
        remove: options.Remove = None,
        attribute: options.Attribute = None,
        file: options.File = None,
        withdraw: Annotated[int | None, typer.Option(metavar="NUMBER", help="End this rule instead.")] = None,
        reason: Reason = "",
        as_json: AsJson = False,
    ) -> None:
        """Edit records by a rule: fields are renamed, cast, set and removed, in this order.

        One record and no option for a field: it is written anew, in your editor or from --file. A rule is in force for
        records that come later, too, until it is withdrawn.
        """
        if withdraw is not None:
            asyncio.run(_on_site(stream, lambda site: edits.withdraw(site, topic, withdraw, reason)))
            tell(as_json, {"stream": stream, "withdrawn": withdraw}, f"{stream}: rule {withdraw} is withdrawn")
            return
        chosen = selection(at, where)
        rule = options.rule(chosen, rename, cast, set_to, remove, attribute)
        if rule.changes_nothing:
            content = file.read_text("utf-8", "replace") if file else edit_in_editor(_text_of(topic, stream, chosen))
            rule = options.text_rule(_only_one(chosen), content)
        elif file:
            raise wrong_input("--file writes a record anew: leave the other options out")
        changed = asyncio.run(
            _with_progress(topic, stream, chosen, lambda site, run: edits.edit(site, run, rule, reason))
        )
        line = f"{stream}: {changed:,} records are changed; see: penstock {topic} preview {stream}"
        tell(as_json, {"stream": stream, "changed": changed}, line)


def _add_ends(app: typer.Typer, topic: DefectTopic) -> None:
    @app.command()
    def preview(stream: Stream, at: Places = None, where: Where = None, as_json: AsJson = False) -> None:
        """Say how many records would pass now, by the rules in force and the present declaration. It sends nothing."""
        tally = asyncio.run(_with_progress(topic, stream, selection(at, where), preview_release))
        _print_tally(tally, as_json, "would pass", topic, stream)

    @app.command()
    def release(
        stream: Stream, at: Places = None, where: Where = None, reason: Reason = "", as_json: AsJson = False
    ) -> None:
        """Send the records that pass, under their own ids and times, once; the others stay."""
        tally = asyncio.run(
            _with_progress(topic, stream, selection(at, where), lambda site, run: release_records(site, run, reason))
        )
        _print_tally(tally, as_json, "were released", topic, stream)

    @app.command()
    def drop(stream: Stream, reason: Why, at: Places = None, where: Where = None, as_json: AsJson = False) -> None:
        """Give records up: they are listed no more, and the audit log says why. Name them, or say which by --where."""
        chosen = selection(at, where)
        if chosen == Selection():
            raise wrong_input("say which records are dropped: by AT, or by --where")
        if not reason.strip():
            raise wrong_input("say why they are dropped: --reason")
        dropped = asyncio.run(_with_progress(topic, stream, chosen, lambda site, run: drop_records(site, run, reason)))
        tell(as_json, {"stream": stream, "dropped": dropped}, f"{stream}: {dropped:,} records are dropped")


async def _on_site(stream: str, work: Callable[[LiveSite], Awaitable[R]]) -> R:
    async with live_site(used_deployment(), stream) as site:
        return await work(site)


async def _with_progress(
    topic: DefectTopic, stream: str, where: Selection, work: Callable[[LiveSite, Run], Awaitable[R]]
) -> R:
    async with live_site(used_deployment(), stream) as site:
        total = await DefectLog.of(site, topic).count()
        with progress_bar(err, topic, total) as show:
            return await work(site, Run(topic, where, show))


async def _overviews(
    topic: DefectTopic, stream: str | None, where: Selection, limit: int, after: Place | None
) -> list[Overview]:
    found = []
    async for defects in each_defect_log(used_deployment(), topic, stream):
        with progress_bar(err, defects.stream.name, await defects.count()) as show:
            found.append(await overview(defects, where, limit, after, running_total(show)))
    return found


def _print_overviews(topic: DefectTopic, found: list[Overview], stream: str | None) -> None:
    if any(one.reasons for one in found):
        out.print(counts_table(found))
    else:
        out.print(f"{stream or 'every stream'}: nothing is left on {topic}")
    for one in found:
        if one.page:
            out.print(page_table(one))
        if one.has_more and one.page:
            out.print(f"more: penstock {topic} list {one.stream} --after {one.page[-1].place}")
        for in_force in one.journal.rules_at_work():
            out.print(f"{one.stream}: {rule_line(in_force)}", markup=False)


def _print_tally(tally: Tally, as_json: bool, done: str, topic: DefectTopic, stream: str) -> None:
    if as_json:
        print_json(tally_document(tally))
        return
    equal = f", {tally.duplicates:,} are accepted already as equal ones" if tally.duplicates else ""
    out.print(f"{stream}: {tally.passing:,} of {tally.count:,} {done}{equal}, {tally.refused.total():,} refused")
    if tally.refused:
        out.print(tally_table(tally))
    if not tally.is_whole:
        out.print(f"There are more: penstock {topic} release {stream} goes on with them.")


def _text_of(topic: DefectTopic, stream: str, chosen: Selection) -> str:
    """The record as the rules make it, to be written anew."""
    (at,) = _only_one(chosen).at
    inspection = asyncio.run(_on_site(stream, lambda site: inspect(site, topic, Place.parse(at))))
    return readable(inspection.assessment.value)


def _only_one(chosen: Selection) -> Selection:
    if len(chosen.at) != 1:
        raise wrong_input("name one record (AT) to write it anew, or give --set, --cast, --rename, --remove")
    return chosen


def _place(text: str) -> Place:
    return Place.parse(selection([text], None).at[0])
