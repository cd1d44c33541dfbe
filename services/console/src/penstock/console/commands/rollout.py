"""`penstock rollout start | status | pause | resume | abort | promote`"""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from penstock.console.failure import wrong_input
from penstock.console.registry_command import Reason, request
from penstock.console.views.rollout_table import rollout_table
from penstock.console.views.terminal import out

rollout = typer.Typer(help="Bring a model in by degrees, and take it back.", no_args_is_help=True)

Stream = Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")]
Mode = Literal["canary", "shadow", "ab", "bandit"]

_RESULTS = {"pause": "paused", "resume": "goes on", "abort": "taken back", "promote": "promoted"}


@rollout.command()
def start(
    stream: Stream,
    versions: Annotated[list[int], typer.Argument(metavar="VERSION...", min=0, help="Several only for bandit.")],
    mode: Annotated[Mode | None, typer.Option(help="As the stream declares unless set, else canary.")] = None,
    steps: Annotated[str, typer.Option(help="Shares in turn, such as 0.05,0.2,0.5.")] = "",
    why: Reason = "",
) -> None:
    """Start a rollout of versions beside the champion, whether or not they passed the gates."""
    body = {"versions": versions, "mode": mode, "steps": _shares(steps), "detail": why}
    request(lambda services: services.post(f"streams/{stream}/rollout", body))
    status(stream)


@rollout.command()
def status(stream: Stream, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the newest rollout: shares, outcomes so far, and how far apart the models are."""
    document = request(lambda services: services.get(f"streams/{stream}/rollout"))
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        out.print(rollout_table(stream, document))


@rollout.command()
def pause(stream: Stream) -> None:
    """Take no further step; a challenger that is worse is still taken back."""
    _command(stream, "pause", "")


@rollout.command()
def resume(stream: Stream) -> None:
    """Go on after a pause."""
    _command(stream, "resume", "")


@rollout.command()
def abort(stream: Stream, why: Reason = "") -> None:
    """Take the challenger back: the champion answers everything again."""
    _command(stream, "abort", why)


@rollout.command()
def promote(stream: Stream, why: Reason = "") -> None:
    """Make the challenger the champion now."""
    _command(stream, "promote", why)


def _command(stream: str, command: Literal["pause", "resume", "abort", "promote"], why: str) -> None:
    change = request(lambda services: services.post(f"streams/{stream}/rollout/{command}", {"detail": why}))
    out.print(f"{stream}: {_RESULTS[command]}, version {change['model']} is the champion")


def _shares(text: str) -> list[float]:
    try:
        return [float(share) for share in text.split(",") if share.strip()]
    except ValueError as error:
        raise wrong_input(f"--steps {text}: expected shares such as 0.05,0.2,0.5") from error
