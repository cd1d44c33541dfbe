"""`penstock demo`"""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.live import Live

from penstock.console.demo.demo import EVENTS, PLANTED_AT, run_demo
from penstock.console.deployment import Deployment
from penstock.console.home import Home, home_from_environment
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.console.replay.predict_probes import ProbeCounts
from penstock.console.replay.stream_time import ReplayProgress
from penstock.console.report_page.demo_page import demo_page
from penstock.console.supervision.failing_service import while_services_run
from penstock.console.supervision.lifecycle import await_end, running
from penstock.console.views.demo_table import demo_progress_table, demo_result_tables
from penstock.console.views.terminal import addresses, downloads, err, out, states

OWN_FILE = """Now with your own CSV:
  penstock stream init FILE.csv -o stream.toml
  penstock replay FILE.csv --stream stream.toml --in-process --report report.html"""


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="Stop at the end, also in a terminal.")] = False,
) -> None:
    """Show the whole loop: events in, a drift planted and found, a model trained, promoted and served."""
    home = home_from_environment()
    stays = sys.stdout.isatty() and not leave
    try:
        with ExitStack() as starting:
            progress, show = starting.enter_context(downloads(err)), starting.enter_context(states(err))
            with running(home, StartOptions(traces=True), progress, show) as deployment:
                starting.close()
                _run(home, deployment)
                if stays:
                    out.print("It stays up for you to look around. Ctrl-C stops it.")
                    await_end(home)
    except KeyboardInterrupt:
        raise typer.Exit(0 if stays else 130) from None


def _run(home: Home, deployment: Deployment) -> None:
    out.print(f"{EVENTS:,} loan applications; the world changes at number {PLANTED_AT:,}.")
    with Live(console=out, refresh_per_second=4, transient=True) as display:

        def show(live: LiveDeployment, progress: ReplayProgress, probes: ProbeCounts) -> None:
            display.update(demo_progress_table(live, progress, probes))

        result = asyncio.run(while_services_run(home, run_demo(deployment, show)))
    result.report.write(home.demo / "report.json", **result.document())
    demo_page(result).write(home.demo / "report.html")
    out.print(demo_result_tables(result))
    out.print(addresses(deployment))
    if result.trace:
        out.print(f"One event through every hop: {result.trace}")
    out.print(f"All of it on a page: {(home.demo / 'report.html').as_uri()}")
    out.print(OWN_FILE)
