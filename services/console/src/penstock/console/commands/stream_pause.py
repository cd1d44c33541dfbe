"""`penstock stream pause | resume`"""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.registry_command import By, Reason, named_actor, request

Name = Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")]


def pause(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", "--why", help="The reason, for the audit log; it is needed.")],
    intake: Annotated[bool, typer.Option("--intake", help="Take no events and labels in either.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Pause a stream: it answers as ever, and is neither trained nor changed by itself until it is resumed.

    A training under way may end; its model waits as a proposal. A rollout stays at its step. What a person commands is
    done all the same (promote, roll back, approve, start or end a rollout), but for a retraining; a challenger that is
    shown to be worse and a champion that falls short are taken back.

    With --intake, events, labels and predictions over HTTP are refused with 503; what producers write to Kafka waits
    unread in the topic, for as long as the stream keeps its records. Pausing again with or without it changes that.
    """
    body = {"reason": reason, "intake": intake}
    who = named_actor(by)
    change = request(lambda services: services.post(f"streams/{name}/pause", body, who))
    done = "paused" if change["status"] == "paused" else "paused already"
    closed = ", its intake too" if intake else ""
    serves = f"version {change['model']} goes on answering"
    tell(as_json, change, f"{name}: {done}{closed}; {serves}; let it go on: penstock stream resume {name}")


def resume(name: Name, reason: Reason = "", by: By = None, as_json: AsJson = False) -> None:
    """Let a paused stream go on. What fell due meanwhile is decided anew: at most one training is asked for.

    Models that waited as proposals go on waiting: penstock proposals.
    """
    who = named_actor(by)
    change = request(lambda services: services.post(f"streams/{name}/resume", {"reason": reason}, who))
    done = "goes on" if change["status"] == "resumed" else "was not paused"
    tell(as_json, change, f"{name}: {done}; version {change['model']} serves")
