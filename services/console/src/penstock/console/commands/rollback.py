"""`penstock rollback`"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from penstock.bus.errors import TransientError
from penstock.console.commands.json_output import AsJson, tell
from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.lineage.places import Placed
from penstock.console.lineage.served_models import ServedModels, instant
from penstock.console.log_client import open_log
from penstock.console.poll import poll
from penstock.console.registry_command import Reason, request
from penstock.console.remote_deployment import used_deployment
from penstock.console.views.terminal import err, out
from penstock.contracts.records.predictions import Prediction

PAUSE_S = 0.5


def rollback(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    to: Annotated[
        int | None,
        typer.Option(metavar="EPOCH", min=0, help="An epoch, of which all that served then is put back."),
    ] = None,
    to_version: Annotated[
        int | None, typer.Option(metavar="VERSION", min=0, help="A version that has served; 0 is the baseline.")
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="Lift the hold of an earlier rollback instead.")] = False,
    wait: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, help="How long to wait for the first answer; 0: not at all.")
    ] = 30,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Return to the model that served before, or to all that served in an epoch, and hold it.

    Nothing is promoted or returned by itself from then on. Drift is watched and models are trained as ever; those that
    pass the gates wait in: penstock proposals. The hold ends with --release, or when a person promotes a model.
    """
    if len([one for one in (to, to_version) if one is not None]) + release > 1:
        raise wrong_input("--to, --to-version and --release are different things to do; name one of them")
    if release:
        _release(stream, reason, as_json)
    else:
        _roll_back(stream, {"to_version": to_version, "to_epoch": to, "detail": reason}, wait, as_json)


def _roll_back(stream: str, body: dict[str, Any], wait: int, as_json: bool) -> None:
    change = request(lambda services: services.post(f"streams/{stream}/rollback", body))
    serves = "serves" if change["status"] == "rolled_back" else "serves already"
    lift = f"penstock rollback {stream} --release"
    lines = [f"{stream}: version {change['model']} {serves}, and is held; lift it: {lift}"]
    if rollout := change.get("put_back"):
        go_on = f"penstock rollout resume {stream}"
        lines.append(f"{stream}: the {rollout} beside it is put back too, and paused; let it go on: {go_on}")
    tell(as_json, change, *lines)
    if as_json:
        return  # programs ask when the first answer came: penstock served STREAM --json
    if change["status"] == "rolled_back" and wait:
        err.print(f"waiting for the first answer of epoch {change['epoch']}, at most {wait} s …")
        deployment = used_deployment()
        out.print(asyncio.run(_first_answer(deployment, stream, change["epoch"], wait)), soft_wrap=True)


async def _first_answer(deployment: Deployment, name: str, epoch: int, wait: int) -> str:
    """When the first answer of an epoch came, in words. What was done stays done if the log does not say."""
    later = f"see later: penstock served {name}"
    try:
        async with asyncio.timeout(wait), open_log(deployment) as log:
            served = ServedModels(log, deployment.namespace, await require_stream(log, deployment.namespace, name))
            return _text(await poll(lambda: served.first_answer(epoch), PAUSE_S), epoch)
    except TimeoutError:
        return f"no event was answered by epoch {epoch} within {wait} s; {later}"
    except TransientError as error:
        return f"the log does not tell when the first answer came ({error}); {later}"


def _text(first: Placed[Prediction], epoch: int) -> str:
    answered = first.record.data.epoch
    which = f"epoch {epoch}" if answered == epoch else f"epoch {answered}, which followed epoch {epoch}"
    return f"the first answer of {which} came at {instant(first.appended):%Y-%m-%d %H:%M:%S} UTC ({first.place})"


def _release(stream: str, reason: str, as_json: bool) -> None:
    change = request(lambda services: services.post(f"streams/{stream}/release", {"detail": reason}))
    done = "the hold is lifted" if change["status"] == "released" else "it was not held"
    tell(as_json, change, f"{stream}: {done}, version {change['model']} serves")
