"""`penstock up`"""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.deployment import BROKER, Deployment
from penstock.console.home import Home, home_from_environment
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import await_end, await_ready, start, stop_ignoring_signals
from penstock.console.views.terminal import addresses, downloads, err, named_addresses, out, states


def up(
    traces: Annotated[bool, typer.Option("--traces", help="Run Zipkin too, and send it the traces.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and stop everything at Ctrl-C.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes score the streams' events.")] = 1,
    port: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PORT", help="A port, as server=8020. May be repeated.")
    ] = None,
    kafka: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            envvar="KAFKA_BOOTSTRAP_SERVERS",
            help="A Kafka cluster to use instead of a broker here; KAFKA_SECURITY_PROTOCOL and the like apply.",
        ),
    ] = "",
    database: Annotated[
        str,
        typer.Option(metavar="URL", envvar="DATABASE_URL", help="The registry's database, instead of SQLite here."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Bring everything up on this machine: the broker, unless there is one elsewhere, and the ten services."""
    home = home_from_environment()
    started = False
    try:
        with downloads(err) as progress:
            started = start(
                home,
                StartOptions(traces, workers, tuple(port or ()), kafka, database),
                progress,
                ends_with_caller=foreground,
            )
        _print_result(_await_ready(home), started, traces, as_json)
        if foreground:
            await_end(home)
    except KeyboardInterrupt:
        if started:
            err.print("Stopping ...")
            stop_ignoring_signals(home)
        raise typer.Exit(0 if foreground else 130) from None


def _await_ready(home: Home) -> Deployment:
    with states(err) as show:
        return await_ready(home, show)


def _print_result(deployment: Deployment, started: bool, traces: bool, as_json: bool) -> None:
    if as_json:
        print_json({"started": started, "addresses": dict(named_addresses(deployment))})
        return
    out.print("Penstock is up." if started else "Penstock was up already.")
    out.print(addresses(deployment))
    if started and BROKER in deployment.processes:
        out.print("Everything is on this machine's disk, once: it survives killed processes, not the loss of the disk.")
    if traces and not deployment.zipkin:
        out.print("It runs without traces. For them: penstock down, then penstock up --traces")
