"""Histories by key through all services: what an answer knew, what it carries, and what training sees are the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.console.replay.history_import import ImportStream, import_history
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.rows.historical_events import historical_events
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.topics import OUTCOMES, TRAINING_RUNS
from penstock.ml.features.key_history import PACES, PRIOR_WEIGHT
from penstock.ml.features.lag_features import Lags
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.parquet_segments import outcome_table

from .log_records import records_of

HISTORY, LIVE = 200, 500
KEYS = (("terminal",), ("shop", "till"), ("shop",))

DECLARATION = Declaration.model_validate(
    {
        "name": "payments",
        "task": "binary",
        "entity": "shop",
        "fields": {
            "amount": {"type": "number"},
            "terminal": {"type": "category", "feature": False},
            "shop": {"type": "category"},
            "till": {"type": "integer"},
        },
        "label": {"name": "fraud", "classes": ["no", "yes"]},
        "history": {"keys": ["terminal", ["shop", "till"], "shop"]},
        "models": {"families": ["linear", "additive"]},
        "retrain": {"first_after": 350},
    }
)


def write_rows(path: Path, count: int, seed: int) -> Path:
    """Rows of nine terminals, of which two are often fraudulent; some rows lack a terminal or a till."""
    random = np.random.default_rng(seed)
    lines = []
    for amount in random.uniform(0, 100, count).round(2).tolist():
        terminal, till = int(random.integers(9)), random.choice(["", "1", "2"])
        fraud = random.random() < (0.7 if terminal < 2 else 0.05)
        lines.append(f"{amount},{f't{terminal}' if amount > 5 else ''},s{terminal % 4},{till},{('no', 'yes')[fraud]}")
    path.write_text("\n".join(["amount,terminal,shop,till,fraud", *lines]) + "\n")
    return path


@dataclass
class Loop:
    """What the log holds once everything has come to rest: outcomes in their order, and the runs of training."""

    outcomes: list[Outcome[Any]]
    runs: list[Any]

    def answered(self) -> Iterator[Outcome[Any]]:
        return (outcome for outcome in self.outcomes if outcome.data.status == "joined")

    def known_to(self, outcome: Outcome[Any]) -> list[Outcome[Any]]:
        """The outcomes that the answer took into account; a model knows history as long as nothing live came."""
        return self.outcomes[: outcome.data.answer.learnt_to]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("rows")
    return write_rows(folder / "past.csv", HISTORY, 1), write_rows(folder / "live.csv", LIVE, 2)


@pytest.fixture
async def loop(tables: tuple[Path, Path]) -> Loop:
    """A deployment after history was imported and live rows were answered, labels 12 rows late."""
    start = DECLARATION.time.start + 2 * HISTORY * DECLARATION.time.step
    live = DECLARATION.model_copy(update={"time": DECLARATION.time.model_copy(update={"start": start})})
    async with in_process_deployment(DECLARATION) as deployment:
        past = FileRows(open_table(tables[0]), DECLARATION, "import/payments")
        target = ImportStream(deployment.log, "penstock", deployment.watch.stream)
        rows = list(historical_events(past.rows(), delay=2))
        await import_history(rows, deployment, target, "past.csv", lambda _: None)
        await deployment.await_quiet()
        sender = ReplaySender(FileRows(open_table(tables[1]), live, "live"), deployment)
        await replay_in_stream_time(sender, 12, 20, lambda _: None)
        await deployment.watch.read_to_end()
        stream = deployment.watch.stream
        runs = [record for record in records_of(deployment.log, TRAINING_RUNS, stream) if record.candidate]
        return Loop(records_of(deployment.log, OUTCOMES, stream), runs)


def features_by_hand(outcome: Outcome[Any], known: list[Outcome[Any]]) -> list[float]:
    """The features of an event from the outcomes that were known, written down from their definition."""
    features: list[float] = []
    for key in KEYS:
        value = value_of(outcome, key)
        pairs = [(value_of(past, key), past) for past in known]
        with_key = [float(past.data.label == "yes") for of_past, past in pairs if of_past is not None]
        own = [past for of_past, past in pairs if of_past is not None and of_past == value]
        overall = float(np.mean(with_key)) if with_key else np.nan
        newest = max((past.time for past in own), default=None)
        features += [len(own), np.nan if newest is None else (outcome.time - newest).total_seconds()]
        for kept in PACES.values():
            weight = total = 0.0
            for past in own:
                weight, total = weight * kept + 1, total * kept + float(past.data.label == "yes")
            features.append((total + PRIOR_WEIGHT * overall) / (weight + PRIOR_WEIGHT))
    return features


def value_of(outcome: Outcome[Any], key: tuple[str, ...]) -> tuple[Any, ...] | None:
    values = tuple(getattr(outcome.data.fields, DECLARATION.attribute_of(name)) for name in key)
    return None if None in values else values


async def test_answers_carry_what_was_known_and_training_sees_just_that(loop: Loop) -> None:
    answered = list(loop.answered())
    assert len(answered) == LIVE
    assert {one.data.answer.baseline for one in answered} == {True, False}, "before and after the first training"
    served = np.array([one.data.answer.lag_features for one in answered], dtype=np.float64)
    by_hand = np.array([features_by_hand(one, loop.known_to(one)) for one in answered])
    assert served.shape == (LIVE, len(Lags.of(DECLARATION).fields))
    assert np.allclose(served, by_hand, rtol=1e-9, equal_nan=True)
    assert served[0, 0] > 0, "the first answer knows imported history"
    places = [place for place, one in enumerate(loop.outcomes) if one.data.status == "joined"]
    assert all(one.data.answer.learnt_to <= place for place, one in zip(places, answered, strict=True))

    table = outcome_table(DECLARATION, range(len(loop.outcomes)), loop.outcomes)
    rows = rows_of(DECLARATION, [table])
    trained = np.column_stack([rows.frame.columns[field.name] for field in Lags.of(DECLARATION).fields])
    assert np.array_equal(trained[rows.in_offset_order(since=0)], served, equal_nan=True)

    past = [one for one in loop.outcomes if one.data.status == "imported"]
    past.sort(key=lambda one: one.data.label_time)
    past_by_hand = [
        features_by_hand(one, [known for known in past if known.data.label_time < one.time]) for one in past
    ]
    of_past = trained[rows.in_offset_order()[: len(past)]]
    assert np.allclose(of_past, past_by_hand, rtol=1e-9, equal_nan=True)

    assert loop.runs
    for run in loop.runs:
        assert run.evaluation.skew is not None
        assert (run.evaluation.skew.rows > 0, run.evaluation.skew.differing) == (True, 0)
