"""`penstock demo`"""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.live import Live

from penstock.console.demo.demo import EVENTS, PLANTED_AT, Demonstration, demonstrate
from penstock.console.deployment import Deployment
from penstock.console.home import Home, home_from_environment
from penstock.console.plan.plan_builder import Wanted
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.console.replay.predict_probes import Probes
from penstock.console.replay.stream_time import Sent
from penstock.console.supervision.lifecycle import await_end, running
from penstock.console.views.demo_view import final_tables, progress_table
from penstock.console.views.terminal import addresses, downloads, err, out, states


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="Stop by itself at the end, also in a terminal.")] = False,
) -> None:
    """Show the whole loop: events in, drift planted, noticed, a model retrained, judged, promoted and served."""
    home = home_from_environment()
    stays = sys.stdout.isatty() and not leave
    try:
        with ExitStack() as starting:
            progress, show = starting.enter_context(downloads(err)), starting.enter_context(states(err))
            with running(home, Wanted(traces=True), progress, show) as deployment:
                starting.close()
                _show(home, deployment)
                if stays:
                    out.print("It stays up for you to look around. Ctrl-C stops it.")
                    await_end(home)
    except KeyboardInterrupt:
        raise typer.Exit(0 if stays else 130) from None


def _show(home: Home, deployment: Deployment) -> Demonstration:
    out.print(f"{EVENTS:,} loan applications; the world changes at number {PLANTED_AT:,}.")
    with Live(console=out, refresh_per_second=4, transient=True) as live:

        def show(watched: LiveDeployment, sent: Sent, probes: Probes) -> None:
            live.update(progress_table(watched, sent, probes))

        shown = asyncio.run(demonstrate(deployment, show))
    shown.report.write(home.demo / "report.json", **shown.more())
    out.print(final_tables(shown))
    out.print(addresses(deployment))
    if shown.trace:
        out.print(f"One event through every hop: {shown.trace}")
    return shown
