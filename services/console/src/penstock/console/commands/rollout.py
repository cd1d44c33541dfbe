"""`penstock rollout start | status | pause | resume | abort | promote`"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import typer

from penstock.console.deployment import running_deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.services_client import Requests
from penstock.console.views.rollout_view import rollout_table
from penstock.console.views.terminal import out

rollout = typer.Typer(help="Bring a model in by degrees, and take it back.", no_args_is_help=True)

Stream = Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")]
Detail = Annotated[str, typer.Option("--why", help="What the audit log is to say of it.")]
Mode = Literal["canary", "shadow", "ab", "bandit"]

_DONE = {"pause": "paused", "resume": "goes on", "abort": "taken back", "promote": "promoted"}


@rollout.command()
def start(
    stream: Stream,
    versions: Annotated[list[int], typer.Argument(metavar="VERSION...", min=0, help="Several only by bandit.")],
    mode: Annotated[Mode | None, typer.Option(help="As the stream declares unless given, else canary.")] = None,
    steps: Annotated[str, typer.Option(help="Shares in turn, such as 0.05,0.2,0.5.")] = "",
    why: Detail = "",
) -> None:
    """Put versions on trial beside the champion, whatever the gates said of them."""
    body = {"versions": versions, "mode": mode, "steps": _shares(steps), "detail": why}
    _ask(lambda requests: requests.command(f"{stream}/rollout", body))
    status(stream)


@rollout.command()
def status(stream: Stream, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the newest rollout: shares, outcomes so far, and how far apart the models are."""
    found = _ask(lambda requests: requests.look(f"{stream}/rollout"))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        out.print(rollout_table(stream, found))


@rollout.command()
def pause(stream: Stream) -> None:
    """Take no further step; what is shown to be worse is taken back all the same."""
    _order(stream, "pause", "")


@rollout.command()
def resume(stream: Stream) -> None:
    """Go on after a pause."""
    _order(stream, "resume", "")


@rollout.command()
def abort(stream: Stream, why: Detail = "") -> None:
    """Take the challenger back: the champion answers everything again."""
    _order(stream, "abort", why)


@rollout.command()
def promote(stream: Stream, why: Detail = "") -> None:
    """Make the challenger the champion now."""
    _order(stream, "promote", why)


def _order(stream: str, what: Literal["pause", "resume", "abort", "promote"], why: str) -> None:
    change = _ask(lambda requests: requests.command(f"{stream}/rollout/{what}", {"detail": why}))
    out.print(f"{stream}: {_DONE[what]}, version {change['model']} is the champion")


def _ask(what: Callable[[Requests], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        running = running_deployment(home_from_environment())
        requests = Requests(running.url("ingestion"), running.url("registry"))
        try:
            return await what(requests)
        finally:
            await requests.close()

    return asyncio.run(asked())


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise wrong_input(f"--steps {text}: expected shares such as 0.05,0.2,0.5") from error
