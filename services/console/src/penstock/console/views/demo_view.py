"""The demo in the terminal: live while it runs, and its tables at the end."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from penstock.console.demo.demo import EVENTS, PLANTED_AT, Demonstration
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.console.replay.predict_probes import Probes
from penstock.console.replay.stream_time import Sent
from penstock.console.views.replay_view import epochs_table

WIDTH = 50  # columns of the accuracy's line
BARS = "▁▂▃▄▅▆▇█"


def progress_table(watched: LiveDeployment, sent: Sent, probes: Probes) -> Table:
    """How far the run is: counts, the accuracy over time, what drifted and what serves."""
    watch = watched.watch
    table = Table(show_header=False, box=None)
    table.add_row(
        "events", f"{sent.events:,} of {EVENTS:,}" + ("  (the world has changed)" if sent.events > PLANTED_AT else "")
    )
    table.add_row("predicted", f"{len(watch.answers):,}")
    table.add_row("rejected", f"{len(watch.rejected):,}")
    table.add_row("accuracy", _line([block.score for block in watch.statistics]))
    newest = watch.drifts[-1] if watch.drifts else None
    table.add_row("drift", f"{newest.kind}, noticed by {newest.detector}" if newest else "none")
    running = {run.request for run in watch.runs.values() if run.status == "started"}
    ended = {run.request for run in watch.runs.values() if run.status != "started"}
    table.add_row("training", "running" if running - ended else f"{len(ended)} done")
    epoch = watch.epochs.get(watch.epoch)
    table.add_row(
        "serving", f"epoch {epoch.epoch}: {epoch.champion.family} v{epoch.champion.version}" if epoch else "-"
    )
    table.add_row("probes", f"{probes.asked:,}, {probes.failed} failed")
    return table


def _line(scores: list[float | None]) -> Text:
    """Block after block of 100 outcomes, from an accuracy of 0.4 to one of 1."""
    known = [score for score in scores if score is not None][-WIDTH:]
    bars = "".join(BARS[min(7, max(0, int((score - 0.4) / 0.6 * 8)))] for score in known)
    return Text(f"{bars} {known[-1]:.2f}" if known else "no outcomes yet")


def final_tables(shown: Demonstration) -> Group:
    """What came of the demo."""
    report = shown.report
    table = Table(show_header=False, title="The loop, once around", title_justify="left")
    rows = {
        "events in": f"{report.events:,}",
        "predicted": f"{report.predicted:,}",
        "rejected": f"{report.rejected:,}",
        "drift planted at": f"{shown.planted_at:,}",
        "drift noticed at": "never" if shown.noticed_at is None else f"{shown.noticed_at:,}",
        "false alarms before": str(shown.false_alarms),
        "new model answers from": "never" if shown.answered_from is None else f"{shown.answered_from:,}",
        "accuracy before": _share(shown.before),
        "accuracy during": _share(shown.during),
        "accuracy after": _share(shown.after),
        "failed requests": str(report.failed_requests),
        "trainings": f"{report.retrains} ({report.training_seconds:.1f} s of CPU)",
        "time": f"{report.wall_s:.1f} s",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return Group(table, epochs_table(report))


def _share(score: float | None) -> str:
    return "-" if score is None else f"{score:.3f}"
