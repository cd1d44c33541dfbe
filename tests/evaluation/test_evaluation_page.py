"""The page: what was measured stands where it belongs, and what was not is a dash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation import cells
from bench.evaluation.__main__ import cells_of, parser
from bench.evaluation.cells import Cell, judged, ways
from bench.evaluation.comparison import COLUMNS, OURS, Standing, mean_ranks, ranks, recovery, standing
from bench.evaluation.evaluation_page import generated_table, scores_table
from bench.evaluation.penstock_replay import POLICIES, changed, replay_of
from bench.evaluation.references.feature_matrix import Rows
from bench.evaluation.score_plots import picture
from bench.evaluation.streams import Stream
from bench.evaluation.targets import target
from penstock.console.replay.scores import block_size
from penstock.contracts.declaration.stream_file import parse_declaration

ELEC = Stream("elec2", Path("elec2.csv.gz"), 48)
LATE = Stream("elec2", Path("elec2.csv.gz"), 48, late=1000)
PLANTED = Stream("abrupt", Path("abrupt.csv"), 48, planted=(6000,))
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


def outcome(score: float, metric: str = "accuracy", at: dict[int, float] | None = None) -> dict[str, Any]:
    """What a cell came to; `at`: the score from a row on."""
    levels = at or {0: score}
    lines = [{"row": row, "score": levels[max(r for r in levels if r <= row)]} for row in range(0, 12_000, 200)]
    more = {"epochs": [{"epoch": 0, "at_event": 0}, {"epoch": 1, "at_event": 500}], "drifts": [{"at_event": 6100}]}
    return {"metric": metric, "score": score, "progress": lines, "retrains": 3, "training_seconds": 1.0, **more}


def cells_in(line: str) -> list[str]:
    return [part.strip() for part in line.strip("|").split("|")]


def test_what_was_not_measured_is_a_dash() -> None:
    nothing = Standing(ELEC, {}, [])
    some = Standing(ELEC, {"static": outcome(0.7246)}, [outcome(0.79), outcome(0.77), outcome(0.80)])
    names, _, *lines = map(cells_in, scores_table([nothing, some]))
    empty, filled = (dict(zip(names, line, strict=True)) for line in lines)
    assert {empty[column] for column in (*COLUMNS, f"**{OURS}**", "range")} == {"-"}
    assert (filled["static"], filled["calendar"], filled[f"**{OURS}**"]) == ("0.725", "-", "0.790")
    assert (filled["range"], filled["to reach"]) == ("0.770 to 0.800", "0.780")


def test_late_models_are_measured_by_those_in_time() -> None:
    assert (target(ELEC, None), target(LATE, None)) == (0.78, None)
    assert target(LATE, 0.79) == pytest.approx(0.78)
    names, _, *lines = map(cells_in, scores_table([Standing(ELEC, {}, [outcome(0.79)]), Standing(LATE, {}, [])]))
    assert dict(zip(names, lines[1], strict=True))["to reach"] == "0.780"


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 4).map(float), min_size=1), st.booleans())
def test_ranks_share_out_the_places(scores: dict[str, float], higher_is_better: bool) -> None:
    found = ranks(scores, higher_is_better=higher_is_better)
    assert sum(found.values()) == pytest.approx(len(scores) * (len(scores) + 1) / 2)
    for one, own in scores.items():
        for other, others in scores.items():
            better = own > others if higher_is_better else own < others
            assert (found[one] < found[other]) == better


def test_the_mean_rank_is_over_streams_that_are_complete() -> None:
    references = {column: outcome(0.5) for column in COLUMNS}
    full = Standing(ELEC, references, [outcome(0.6)])
    partial = Standing(ELEC, {"static": outcome(0.9)}, [outcome(0.1)])
    errors = Standing(ELEC, {column: outcome(5.0, "mae") for column in COLUMNS}, [outcome(4.0, "mae")])
    means, count = mean_ranks([full, partial, errors])
    assert (means[OURS], count) == (1.0, 2)
    assert mean_ranks([partial]) == ({}, 0)


@pytest.mark.parametrize(("metric", "good", "bad"), [("accuracy", 0.9, 0.6), ("mae", 1.0, 3.0)])
def test_recovery_is_counted_from_the_change(metric: str, good: float, bad: float) -> None:
    best = {"static": outcome(bad, metric), "adaptive forest": outcome(good, metric)}
    own = outcome(bad if metric == "mae" else good, metric, {0: good, 6000: bad, 7400: good})
    assert recovery(Standing(PLANTED, best, [own]), 6000, 12_000) == 1400
    never = outcome(bad, metric, {0: good, 6000: bad})
    assert recovery(Standing(PLANTED, best, [never]), 6000, 12_000) is None
    assert recovery(Standing(PLANTED, {}, [own]), 6000, 12_000) is None


def test_a_generated_stream_is_measured_by_the_best_reference() -> None:
    best = {"static": outcome(0.6), "calendar": outcome(0.8), "forest, lags": outcome(0.99)}
    names, _, line, missing = map(
        cells_in, generated_table([Standing(PLANTED, best, [outcome(0.79)]), Standing(PLANTED, {}, [])])
    )
    row = dict(zip(names, line, strict=True))
    assert (row["best reference"], row["distance"], row["trainings"], row["recovery, rows"]) == (
        "0.800",
        "-1.0",
        "3",
        "0",
    )
    assert set(missing[2:]) == {"-"}


def test_a_picture_marks_models_drifts_and_changes() -> None:
    found = picture(Standing(PLANTED, {"static": outcome(0.6)}, [outcome(0.7)]))
    assert (found["models"], found["drifts"], found["planted"]) == ([500], [6100], [6000])
    assert list(found["lines"]) == ["static", OURS]


@given(st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=30, max_size=300), st.integers(0, 5))
def test_a_reference_is_judged_as_a_replay_is(truths: list[float], seed: int) -> None:
    if all(np.isnan(truths[3:])):
        truths[-1] = 1.0
    answers = np.random.default_rng(seed).integers(0, 2, len(truths)).astype(float)
    rows = Rows("binary", np.zeros((len(truths), 1)), np.array([False]), np.array(truths))
    found = judged(rows, answers)
    right = [answer == truth for answer, truth in zip(answers, truths, strict=True) if not np.isnan(truth)]
    late = [a == t for a, t in list(zip(answers, truths, strict=True))[int(0.1 * len(truths)) :] if not np.isnan(t)]
    assert found["score"] == pytest.approx(np.mean(late))
    assert len(found["progress"]) == -(-len(truths) // block_size(len(truths)))
    if len(truths) <= block_size(len(truths)):
        assert found["progress"][0]["score"] == pytest.approx(np.mean(right), abs=1e-6)


def test_what_is_kept_is_taken_only_for_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "KEPT", tmp_path / "kept")
    file = tmp_path / "some.csv"
    file.write_text("x,y\n" + "".join(f"{n},{'yes' if n % 2 else 'no'}\n" for n in range(60)))
    cell = Cell(Stream("some", file, 0), "last")
    assert cell.kept() is None
    cell.work_out()
    found = cell.kept()
    assert found is not None
    assert found["score"] == 0.0
    assert standing(cell.stream, [0], None).references["last known"] == found
    file.write_text(file.read_text() + "1,yes\n")
    assert cell.kept() is None


def test_only_what_is_trained_depends_on_how_late_models_come() -> None:
    assert Cell(LATE, "forest").path == Cell(ELEC, "forest").path
    for way in ("static", "calendar-46-all-lags", "penstock"):
        assert Cell(LATE, way).path != Cell(ELEC, way).path


@pytest.mark.parametrize("policy", [None, *POLICIES])
@pytest.mark.parametrize("seed", [0, 7])
def test_a_declaration_is_changed_in_seed_and_policy_alone(policy: str | None, seed: int) -> None:
    before, after = parse_declaration(TOML), parse_declaration(changed(TOML, policy, seed))
    assert after.models == before.models.model_copy(update={"seed": seed})
    assert after.retrain == before.retrain.model_copy(update=dict(POLICIES[policy]) if policy else {})
    same = {"models": before.models, "retrain": before.retrain}
    assert after.model_copy(update=same) == before


def test_a_replay_is_asked_for_as_the_stream_says() -> None:
    words = replay_of(LATE, Path("s.toml"), Path("r.json"), None)
    assert words[words.index("--label-delay") + 1] == "48"
    assert words[words.index("--training-delay") + 1] == "1000"
    assert "--in-process" in words
    assert not {"--training-delay", "--rows"} & set(replay_of(ELEC, Path("s.toml"), Path("r.json"), None))


def test_cells_are_those_that_were_asked_for_each_once() -> None:
    asked = parser().parse_args(["--only", "forest*,penstock", "--seeds", "1,2", "--quick"])
    found = cells_of([ELEC, LATE], asked)
    assert {(cell.way, cell.seed) for cell in found} == {
        ("forest", 0),
        ("forest-lags", 0),
        ("penstock", 1),
        ("penstock", 2),
    }
    assert len(found) == 2 + 4
    assert {cell.rows for cell in found} == {3000}
    assert ways(("static",))[-1] == "penstock-static"
    with pytest.raises(ValueError, match="no cell is named forrest"):
        cells_of([ELEC], parser().parse_args(["--only", "forrest"]))
    with pytest.raises(ValueError, match="no policy is named never"):
        cells_of([ELEC], parser().parse_args(["--policy", "never"]))
