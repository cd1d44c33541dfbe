"""Penstock's cells: what is changed in the declaration, and the arguments of the replay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.evaluation.penstock_replay import POLICIES, replay_options, run_replay, with_seed_and_policy
from bench.evaluation.streams import Stream
from penstock.contracts.declaration.stream_file import parse_declaration

from .sample_results import IN_TIME, LATE_MODELS

TOML = """
[stream]
name = "s"
task = "binary"
[label]
name = "y"
classes = ["no", "yes"]
[models]
families = ["boosting"]
[fields]
x = { type = "number" }
"""


@pytest.mark.parametrize("policy", [None, *POLICIES])
@pytest.mark.parametrize("seed", [0, 7])
def test_only_seed_and_policy_of_a_declaration_are_changed(policy: str | None, seed: int) -> None:
    before, after = parse_declaration(TOML), parse_declaration(with_seed_and_policy(TOML, policy, seed))
    assert after.models == before.models.model_copy(update={"seed": seed})
    assert after.retrain == before.retrain.model_copy(update=dict(POLICIES[policy]) if policy else {})
    same = {"models": before.models, "retrain": before.retrain}
    assert after.model_copy(update=same) == before


def test_the_replay_has_the_delays_of_the_stream(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("x,y\n" + "1,yes\n2,no\n" * 40)
    late = replay_options(replace(LATE_MODELS, file=file), TOML, None)
    assert (late.delay, late.training_delay, late.table.count()) == (48, 1000, 80)
    in_time = replay_options(replace(IN_TIME, file=file), TOML, 50)
    assert (in_time.training_delay, in_time.table.count()) == (0, 50)


def test_a_replay_is_kept_with_its_metrics_by_block(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    numbers = random.random(400)
    lines = [f"{x:.4f},{'yes' if x + random.normal(0, 0.1) > 0.5 else 'no'}" for x in numbers]
    file = tmp_path / "s.csv"
    file.write_text("\n".join(["x,y", *lines]) + "\n")
    result = run_replay(Stream("s", file, 10), None, 0, None)
    assert result["metric"] == "log_loss"
    blocks = result["blocks"]
    assert sum(blocks["rows"]) == 360
    mean = np.average(blocks["log_loss"], weights=blocks["rows"])
    assert mean == pytest.approx(result["metrics"]["log_loss"], rel=1e-3)
    assert result["retrains"] >= len(result["models"])
