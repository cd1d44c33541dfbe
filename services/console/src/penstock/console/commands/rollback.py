"""`penstock rollback`"""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.console.failure import wrong_input
from penstock.console.registry_command import Reason, request
from penstock.console.views.terminal import out


def rollback(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    to: Annotated[int | None, typer.Option(min=0, help="A version that has served; 0 is the baseline.")] = None,
    release: Annotated[bool, typer.Option("--release", help="Lift the hold of an earlier rollback instead.")] = False,
    reason: Reason = "",
) -> None:
    """Return to the model that served before, and hold it: nothing is promoted or returned by itself from then on.

    Drift is watched and models are trained as ever; those that pass the gates wait in: penstock proposals. The hold
    ends with --release, or when a person promotes a model.
    """
    if release and to is not None:
        raise wrong_input("--release lifts a hold and --to begins one; name one of them")
    if release:
        _release(stream, reason)
    else:
        _roll_back(stream, to, reason)


def _roll_back(stream: str, to: int | None, reason: str) -> None:
    change = request(lambda services: services.post(f"streams/{stream}/rollback", {"to_version": to, "detail": reason}))
    serves = "serves" if change["status"] == "rolled_back" else "serves already"
    lift = f"penstock rollback {stream} --release"
    out.print(f"{stream}: version {change['model']} {serves}, and is held; lift it: {lift}")


def _release(stream: str, reason: str) -> None:
    change = request(lambda services: services.post(f"streams/{stream}/release", {"detail": reason}))
    done = "the hold is lifted" if change["status"] == "released" else "it was not held"
    out.print(f"{stream}: {done}, version {change['model']} serves")
