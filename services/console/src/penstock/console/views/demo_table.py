"""The demo in the terminal: its progress while it runs, and its results at the end."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from penstock.console.demo.demo import EVENTS, PLANTED_AT, DemoResult
from penstock.console.demo.loop_step import awaited
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.console.replay.predict_probes import ProbeCounts
from penstock.console.replay.stream_time import ReplayProgress
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.console.views.replay_report_table import epochs_table, figures_table
from penstock.console.views.sparkline import sparkline

SPARKLINE_WIDTH = 50  # blocks of outcomes
LOWEST_ACCURACY = 0.4  # the lowest bar


def demo_progress_table(deployment: LiveDeployment, progress: ReplayProgress, probes: ProbeCounts) -> Table:
    """The progress of the run: counts, the accuracy over time, the newest drift and the model that serves."""
    watch = deployment.watch
    drift = watch.drifts[-1] if watch.drifts else None
    epoch = watch.epochs.get(watch.newest_epoch)
    changed = "  (the world has changed)" if progress.events > PLANTED_AT else ""
    table = Table(show_header=False, box=None)
    table.add_row("events", f"{progress.events:,} of {EVENTS:,}{changed}")
    table.add_row("predicted", f"{len(watch.predictions):,}")
    table.add_row("rejected", f"{len(watch.rejections):,}")
    table.add_row("accuracy", _accuracy_text([block.score for block in watch.statistics]))
    table.add_row("drift", f"{drift.kind}, noticed by {drift.detector}" if drift else "none")
    table.add_row("training", _training_text(watch))
    table.add_row("waiting for", awaited(watch))
    table.add_row(
        "serving", f"epoch {epoch.epoch}: {epoch.champion.family} v{epoch.champion.version}" if epoch else "-"
    )
    table.add_row("probes", f"{probes.requests:,}, {probes.failed} failed")
    return table


def demo_result_tables(result: DemoResult) -> Group:
    """The results of the demo, and its epochs."""
    report = result.report
    figures = {
        "events in": f"{report.events:,}",
        "predicted": f"{report.predicted:,}",
        "rejected": f"{report.rejected:,}",
        "drift planted at": f"{result.planted_at:,}",
        "drift noticed at": _row_text(result.detected_at),
        "false alarms before": str(result.false_alarms),
        "new model answers from": _row_text(result.new_model_from),
        "accuracy before": _score_text(result.score_before),
        "accuracy during": _score_text(result.score_during),
        "accuracy after": _score_text(result.score_after),
        "failed requests": str(report.failed_requests),
        "trainings": f"{report.retrains} ({report.training_seconds:.1f} s of CPU)",
        "time": f"{report.wall_s:.1f} s",
    }
    return Group(figures_table("The loop, once around", figures), epochs_table(report))


def _training_text(watch: StreamWatch) -> str:
    started = {run.request for run in watch.training_runs.values() if run.status == "started"}
    ended = {run.request for run in watch.training_runs.values() if run.status != "started"}
    return "running" if started - ended else f"{len(ended)} done"


def _accuracy_text(scores: list[float | None]) -> str:
    """A bar for the accuracy of each block of outcomes, from `LOWEST_ACCURACY` to 1, and the newest as a number."""
    shown = [score for score in scores if score is not None][-SPARKLINE_WIDTH:]
    return f"{sparkline(shown, LOWEST_ACCURACY, 1.0)} {shown[-1]:.2f}" if shown else "no outcomes yet"


def _row_text(row: int | None) -> str:
    return "never" if row is None else f"{row:,}"


def _score_text(score: float | None) -> str:
    return "-" if score is None else f"{score:.3f}"
