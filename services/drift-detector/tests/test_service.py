"""The whole service on the memory bus, on records as the validator and the server write them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.artifacts import open_named_files
from penstock.bus.state.checkpoint_store import CheckpointStore
from penstock.bus.state.checkpointed_stores import CheckpointedStores
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.contracts.topics import (
    COUNTS,
    DRIFT,
    EVENTS,
    LABELS,
    OUTCOMES,
    PREDICTIONS,
    STATISTICS,
)
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.drift_detector.wiring import build
from penstock.ml.drift.distances import psi
from penstock.runtime.settings import SettingsError
from penstock.runtime.single_process import SingleProcess

from .service_deployment import PROFILE, REFERENCE, Deployment


async def deployed(make: Any, partitions: int, count: int, shift_at: int, profile: bytes | None) -> Deployment:
    deployment = Deployment(make, make.declared(partitions=partitions))
    await deployment.start(profile)
    random = np.random.default_rng(11)
    for number in range(count):
        drifted = number >= shift_at
        load, wrong = float(random.normal(1.0 if drifted else 0.0)), bool(random.random() < (0.6 if drifted else 0.15))
        await deployment.send(number, number % 4 % partitions, load, wrong)
        if number % 97 == 0:
            await deployment.process.run_until_quiet()
    await deployment.process.run_until_quiet()
    return deployment


async def test_a_planted_drift_is_detected_soon_and_nothing_before_it(make: Any) -> None:
    deployment = await deployed(make, 4, 3000, 1456, PROFILE)  # the first event of a batch over all partitions
    assert len(deployment.read(OUTCOMES)) == 3000
    drifts = deployment.read(DRIFT)
    confirmed = [drift for drift in drifts if drift.status == "confirmed"]
    assert 1456 < confirmed[0].outcomes < 1606
    assert {drift.field for drift in drifts if drift.kind == "feature"} == {"load"}
    assert all(int(drift.event_id[1:]) >= 1456 for drift in drifts)
    await deployment.process.close()


async def test_counts_and_quality_do_not_depend_on_partitions(make: Any) -> None:
    totals, distances, scored = [], [], []
    for partitions in (1, 2, 4):
        deployment = await deployed(make, partitions, 2000, 1000, PROFILE)
        total = sum(np.array(counts.data.fields["load"]) for counts in deployment.read(COUNTS))
        totals.append(total.tolist())
        distances.append(float(psi(np.array(REFERENCE.counts), total)))
        blocks = [block for block in deployment.read(STATISTICS) if block.clock == "provisional"]
        scored.append(
            (sum(block.joined for block in blocks), round(sum(block.score * block.joined for block in blocks)))
        )
        await deployment.process.close()
    assert totals[0] == totals[1] == totals[2]
    assert distances[0] == distances[1] == distances[2]
    assert scored[0] == scored[1] == scored[2]
    assert sum(totals[0]) == scored[0][0] == 2000


async def test_without_a_profile_nothing_is_counted_and_a_repeated_log_is_scored_once(make: Any) -> None:
    deployment = Deployment(make, make.declared(partitions=1))
    await deployment.start()
    for _ in range(2):
        for number in range(300):
            await deployment.send(number, 0, 0.0, wrong=False)
        await deployment.process.run_until_quiet()
    assert deployment.read(COUNTS) == []
    assert Counter(outcome.id for outcome in deployment.read(OUTCOMES)).most_common(1)[0][1] == 1
    clocks = [(block.clock, block.joined) for block in deployment.read(STATISTICS)]
    assert clocks == [("provisional", 100), ("matured", 100)] * 3
    await deployment.process.close()


async def test_a_label_finds_its_event_on_another_machine_though_its_topic_expired(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.bus.worker.assigned_units.PREPARED_WITHIN", None)
    deployment = Deployment(make, make.declared(partitions=1))
    records = [
        [(EVENTS, make.event(1)), (PREDICTIONS, make.prediction(1))],
        [(LABELS, make.label(1, 20)), (EVENTS, make.event(2, 20))],
    ]
    for machine, written in zip(("first", "second"), records, strict=True):
        checkpoints = CheckpointStore(open_named_files(str(tmp_path / "checkpoints")), "penstock")
        stores = CheckpointedStores(RocksStateStores(tmp_path / machine), checkpoints, lambda _: None)
        await deployment.start(stores=stores)
        for topic, record in written:
            deployment.write(topic, record)
        await deployment.process.run_until_quiet()
        await deployment.process.close()
        await stores.close()
        log, deployment.process = deployment.process.log, SingleProcess()
        deployment.process.log = log
        for topic in (EVENTS, PREDICTIONS):
            log.expire((topic.name("penstock", "power"), 0), 1)
    (outcome,) = deployment.read(OUTCOMES)
    assert (outcome.id, outcome.data.status) == ("e1", "joined")


def test_an_unknown_kind_of_store_is_a_settings_error() -> None:
    settings = DriftDetectorSettings(artifacts="ftp://somewhere")
    with pytest.raises(SettingsError, match="PENSTOCK_ARTIFACTS: no store of this kind"):
        build(settings, SingleProcess().resources())
