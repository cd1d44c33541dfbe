"""Penstock's cells: what is changed in the declaration, and the arguments of the replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.evaluation.penstock_replay import POLICIES, replay_arguments, with_seed_and_policy
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


def test_the_replay_has_the_delays_of_the_stream() -> None:
    arguments = replay_arguments(LATE_MODELS, Path("s.toml"), Path("r.json"), None)
    assert arguments[arguments.index("--label-delay") + 1] == "48"
    assert arguments[arguments.index("--training-delay") + 1] == "1000"
    assert "--in-process" in arguments
    in_time = replay_arguments(IN_TIME, Path("s.toml"), Path("r.json"), None)
    assert not {"--training-delay", "--rows"} & set(in_time)
