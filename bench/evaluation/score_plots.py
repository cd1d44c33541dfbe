"""The plots of docs/evaluation.md: a stream's score over time, drawn by a script in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.environments import PEERS, QUIET, NotSetUp, interpreter
from bench.evaluation.standing import OURS, Standing
from bench.page import DOCS
from bench.processes import Command, environment_of
from bench.terminal import say

PLOTS = DOCS / "evaluation"


def draw(found: Sequence[Standing]) -> set[str]:
    """Draw every stream of which there is anything; the keys of the streams that have a plot now."""
    try:
        python = str(interpreter("plots"))
    except NotSetUp as error:
        say(f"[yellow]no plots: {error}[/yellow]")
        return set()
    PLOTS.mkdir(parents=True, exist_ok=True)
    pictures = [picture(each) for each in found if each.references or each.ours]
    with TemporaryDirectory(prefix="penstock-evaluation-") as folder:
        file = Path(folder) / "pictures.json"
        file.write_text(json.dumps(pictures))
        arguments = [python, str(PEERS / "plot_scores.py"), str(file), str(PLOTS)]
        subprocess.run(arguments, check=True, env=environment_of(Command("plots", arguments, QUIET)))
    return {each["key"] for each in pictures}


def picture(found: Standing) -> dict[str, Any]:
    """What the script is told of a stream: a line a column, and the rows to mark."""
    own = found.middle
    lines = {column: outcome["progress"] for column, outcome in found.references.items()}
    return {
        "key": found.stream.key,
        "metric": "accuracy" if found.higher_is_better else "mean absolute error",
        "ours": OURS,
        "lines": lines | ({OURS: own["progress"]} if own else {}),
        "models": [epoch["at_event"] for epoch in own["epochs"] if epoch["epoch"]] if own else [],
        "drifts": [drift["at_event"] for drift in own["drifts"]] if own else [],
        "planted": list(found.stream.planted or ()),
    }
