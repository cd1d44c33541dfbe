"""`penstock rollout start | status | pause | resume | abort | promote`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.failure import wrong_input
from penstock.console.registry_command import Reason, request
from penstock.console.views.rollout_table import rollout_table

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
    as_json: AsJson = False,
) -> None:
    """Start a rollout of versions beside the champion, whether or not they passed the gates."""
    body = {"versions": versions, "mode": mode, "steps": _shares(steps), "detail": why}
    request(lambda services: services.post(f"streams/{stream}/rollout", body))
    status(stream, as_json)


@rollout.command()
def status(stream: Stream, as_json: AsJson = False) -> None:
    """Show the newest rollout: shares, outcomes so far, and how far apart the models are."""
    document = request(lambda services: services.get(f"streams/{stream}/rollout"))
    tell(as_json, document, rollout_table(stream, document))


@rollout.command()
def pause(stream: Stream, why: Reason = "", as_json: AsJson = False) -> None:
    """Take no further step; a challenger that is worse is still taken back."""
    _command(stream, "pause", why, as_json)


@rollout.command()
def resume(stream: Stream, why: Reason = "", as_json: AsJson = False) -> None:
    """Go on after a pause."""
    _command(stream, "resume", why, as_json)


@rollout.command()
def abort(stream: Stream, why: Reason = "", as_json: AsJson = False) -> None:
    """Take the challenger back: the champion answers everything again."""
    _command(stream, "abort", why, as_json)


@rollout.command()
def promote(stream: Stream, why: Reason = "", as_json: AsJson = False) -> None:
    """Make the challenger the champion now."""
    _command(stream, "promote", why, as_json)


def _command(stream: str, command: Literal["pause", "resume", "abort", "promote"], why: str, as_json: bool) -> None:
    change = request(lambda services: services.post(f"streams/{stream}/rollout/{command}", {"detail": why}))
    tell(as_json, change, f"{stream}: {_RESULTS[command]}, version {change['model']} is the champion")


def _shares(text: str) -> list[float]:
    try:
        return [float(share) for share in text.split(",") if share.strip()]
    except ValueError as error:
        raise wrong_input(f"--steps {text}: expected shares such as 0.05,0.2,0.5") from error
