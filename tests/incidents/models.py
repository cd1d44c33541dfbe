"""Incidents of models: a champion that is wrong, a world that has drifted, and a key that is not trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from penstock.artifacts import generate_key_pair
from penstock.contracts.alert_kinds import AlertKind
from tests.incidents.incident import Incident, Metric, rises
from tests.staging.stage import Stage
from tests.staging.traffic import send_labelled

FIRST = 600  # outcomes with which a stream has a trained champion
WRONG = 400  # outcomes, enough to show that it is wrong


async def train(stage: Stage, name: str, **retrain: Any) -> None:
    """Declare a stream, and send what a champion is trained on, until it serves."""
    await stage.declare(name, objective={"metric": "log_loss"}, retrain={"first_after": 300, **retrain})
    await send_labelled(stage, name, 0, FIRST, pause_s=0.1)
    await stage.until_champion(name, 1)
    await send_labelled(stage, name, FIRST, 200, pause_s=0.1)


async def train_inverted(stage: Stage) -> None:
    """A champion that serves well, and is not replaced by itself: its training has used up the budget of the day.

    Else a training answers the shortfall at once, and whether its candidate or an earlier model serves before the
    person's rollback, who then goes back from that, would depend on how fast this machine is.
    """
    await train(stage, "inverted", on=["declaration"], budget=0.001)


@asynccontextmanager
async def champion_inverted(stage: Stage) -> AsyncIterator[None]:
    """Each class becomes the other: what the champion answers is the opposite of what is right."""
    await send_labelled(stage, "inverted", FIRST + 200, WRONG, turned=True, pause_s=0.0)  # within the day of event time
    yield


async def roll_back(stage: Stage) -> None:
    """What the runbook says; the classes are as they were."""
    await stage.repair("rollback", "inverted", "--reason", "falls short")
    await send_labelled(stage, "inverted", 2000, 100, pause_s=0.5)
    await stage.repair("rollback", "inverted", "--release", "--reason", "the classes are right again")


async def train_drifted(stage: Stage) -> None:
    """A champion that serves well, and is replaced as soon as 200 outcomes show another world."""
    await train(stage, "drifted", cooldown=200, settle=200)


@asynccontextmanager
async def drift_planted(stage: Stage) -> AsyncIterator[None]:
    """The number that producers send is larger by 2 from now on, its meaning is as before."""
    await send_labelled(stage, "drifted", 1000, WRONG, shift=2.0, pause_s=0.0)
    yield


async def await_retraining(stage: Stage) -> None:
    """A training answers it, from the outcomes that come."""
    await send_labelled(stage, "drifted", 2000, 600, shift=2.0, pause_s=0.2)
    await stage.until_champion("drifted", 2)


async def train_keyed(stage: Stage) -> None:
    """A champion that is signed with the deployment's key."""
    await train(stage, "keyed")


@asynccontextmanager
async def key_withdrawn(stage: Stage) -> AsyncIterator[None]:
    """The trusted keys lack the one that signs, as after a change of keys that was half done; the server restarts."""
    trusted, aside = stage.home.trusted_keys, stage.home.keys / "aside.pem"
    trusted.rename(aside)
    generate_key_pair(stage.home.keys / "next.pem", trusted)
    try:
        await stage.repair("restart", "server")
        yield
    finally:
        aside.replace(trusted)


async def restart_server(stage: Stage) -> None:
    """What the runbook says once the keys are back: then the champion answers again."""
    await stage.repair("restart", "server")
    url = f"{stage.deployment.url('server')}/v1/streams/keyed/model"
    while (await stage.client.get(url)).json().get("model", {}).get("version", 0) < 1:  # noqa: ASYNC110 - it is polled
        await asyncio.sleep(0.5)


INCIDENTS = (
    Incident(
        name="champion-inverted",
        what="The two classes change places: every answer of the champion is the opposite of what is right",
        evidence=f"{WRONG} outcomes: a test that holds at any time needs some",
        kind=AlertKind.SHORTFALL,
        about="/inverted",
        status="^inverted: shortfall",
        metric=Metric("drift-detector", "penstock_loss", rises, {"stream": "inverted", "clock": "provisional"}),
        prepare=train_inverted,
        staged=champion_inverted,
        clear=roll_back,
        runbook_says="`penstock rollback inverted --reason …`; later `--release`",
        clear_limit_s=180,
    ),
    Incident(
        name="drift-planted",
        what="The number that producers send is larger by 2, its meaning is as before",
        evidence=f"{WRONG} outcomes: a test that holds at any time needs some",
        kind=AlertKind.DRIFT,
        about="/drifted",
        status="^drifted: drift",
        metric=Metric("drift-detector", "penstock_drifts_total", rises, {"stream": "drifted", "status": "confirmed"}),
        prepare=train_drifted,
        staged=drift_planted,
        clear=await_retraining,
        runbook_says="nothing: a training answers it by itself",
        never_resolved="it is news of a moment: no alert ends it, and status shows it for a day",
        clear_limit_s=240,
    ),
    Incident(
        name="key-withdrawn",
        what="The trusted keys lack the one that models are signed with, and the server is restarted",
        evidence="the server has been restarted",
        kind=AlertKind.MODEL_REFUSED,
        about="/keyed",
        status="^keyed: model-refused",
        metric=Metric("server", "penstock_alerts_total", rises, {"stream": "keyed", "kind": "model-refused"}),
        prepare=train_keyed,
        staged=key_withdrawn,
        clear=restart_server,
        runbook_says="bring the keys back; `penstock restart server`",
        note="no key of the platform has an end of validity (`penstock doctor` says so): this is what takes its place",
    ),
)
