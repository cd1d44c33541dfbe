"""How a replay was run, as names and values."""

from __future__ import annotations

from importlib.metadata import version

from penstock.console.replay.replay import ReplayOptions
from penstock.contracts.declaration.stream import Declaration


def replay_settings(options: ReplayOptions, *, in_process: bool) -> dict[str, str]:
    """The settings of a replay of a file."""
    return {
        "file": str(options.table.path),
        "SHA-256 of the file": options.table.digest,
        "label delay": f"{options.delay:,} rows after which a row's label becomes known",
        "services": "all in one process, without a broker" if in_process else "a running deployment on a broker",
        "time": _time_text(options),
        "training delay": f"{options.training_delay:,} rows before a model takes effect",
        **declaration_settings(options.declaration),
    }


def declaration_settings(declaration: Declaration) -> dict[str, str]:
    """What of the stream's declaration decides on its models."""
    retrain = declaration.retrain
    return {
        "task": declaration.task,
        "label": declaration.label.name,
        "entity": declaration.entity or "-",
        "fields": f"{len(declaration.features):,} features of {len(declaration.fields):,} fields",
        "families": ", ".join(declaration.models.families),
        "trained on": ", ".join(retrain.triggers) or "-",
        "first training": f"after {retrain.first_after:,} outcomes",
        "settle": f"{retrain.settle:,} outcomes after a drift before a training",
        "cooldown": f"{retrain.cooldown:,} outcomes between two trainings",
        "Penstock": version("penstock-console"),
    }


def _time_text(options: ReplayOptions) -> str:
    if options.rate is None:
        return f"stream time, {options.size:,} rows at a time"
    return "wall time, as fast as possible" if options.rate == float("inf") else f"{options.rate:g} rows a second"
