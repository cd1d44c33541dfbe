"""A stream with outcomes on a log, and a trainer in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.artifacts import MemoryStore, Signer, Store, Verifier, generate_key_pair
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.batch import output
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome, OutcomeData, outcome_type
from penstock.contracts.records.payloads import payload_type
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import OUTCOMES, STREAMS, TRAINING_REQUESTS, TRAINING_RUNS, Topic
from penstock.runtime.single_process import SingleProcess
from penstock.trainer.wiring import build_in_process

START = datetime(2026, 1, 1, tzinfo=UTC)


def declaration(**changes: Any) -> Declaration:
    """A binary stream of two numbers and a category."""
    return Declaration.model_validate(
        {
            "name": "power",
            "task": "binary",
            "fields": {
                "load": {"type": "number"},
                "wind": {"type": "number"},
                "region": {"type": "category"},
                "id": {"type": "number", "feature": False},
            },
            "label": {"name": "up", "classes": ["no", "yes"]},
            "models": {"families": ["linear"]},
            **changes,
        }
    )


def declared(declaration: Declaration, version: int = 1) -> StreamDeclared:
    return StreamDeclared(source="r", id=f"power@{version}", time=START, version=version, declaration=declaration)


def request(until: int, fence: int = 0, name: str | None = None) -> TrainingRequest:
    return TrainingRequest(
        source="trigger", id=name or f"request-{fence}", time=START + timedelta(minutes=until), stream="power",
        fence=fence, reason="first", until=until,
    )  # fmt: skip


def outcomes(
    declaration: Declaration, count: int, *, first: int = 0, seed: int = 1, delay: int = 10, turned: bool = False
) -> list[Any]:
    """Outcomes of a stream whose label depends on its fields, the newest label `delay` events late; or turned round."""
    random = np.random.default_rng([seed, first])
    return [outcome(declaration, number, random, delay, turned) for number in range(first, first + count)]


def outcome(
    declaration: Declaration, number: int, random: np.random.Generator, delay: int = 10, turned: bool = False
) -> Outcome[Any]:
    load, wind = random.normal(size=2).tolist()
    region = ["north", "south"][int(random.integers(2))]
    up = (load + (region == "south") + random.normal(0, 0.3) > 0.5) != turned
    label: Any = float(2 * load) if declaration.task == "regression" else ("yes" if up else "no")
    served: Any = 0.0 if declaration.task == "regression" else "no"
    shape = payload_type(declaration)
    values = {"f0": load if number % 9 else None, "f1": wind, "f2": region, "f3": float(number)}
    prediction = PredictionData(value=served, model="power", version=0, digest="d", epoch=0, schema=1, code="0")
    time = START + timedelta(minutes=number)
    data = OutcomeData(
        fields=shape(**values), prediction=prediction, label=label, revision=0,
        label_time=time + timedelta(minutes=delay), status="joined",
    )  # fmt: skip
    kind: Any = outcome_type(shape)
    made: Outcome[Any] = kind(source="producer#outcome", id=f"e{number}", time=time, data=data)
    return made


@dataclass
class Deployment:
    """One trainer, its log and its store."""

    signer: Signer
    verifier: Verifier
    store: MemoryStore = field(default_factory=MemoryStore)
    process: SingleProcess = field(default_factory=SingleProcess)

    async def declare(self, declaration: Declaration, version: int = 1) -> StreamDeclared:
        stream = declared(declaration, version)
        await self.process.log.create(control_topics("penstock"))
        await self.process.log.create(stream_topics("penstock", stream))
        await self.write(STREAMS, [stream])
        return stream

    async def start(self, store: Store | None = None) -> None:
        await self.process.start(lambda resources: build_in_process(resources, store or self.store, self.signer))

    async def write(self, topic: Topic[Any], records: list[Any], stream: str | None = None) -> None:
        publisher = Publisher(self.process.log, "penstock", Streams())
        await publisher.publish([output(topic, record, stream=stream) for record in records])

    async def give(self, found: list[Any]) -> None:
        await self.write(OUTCOMES, found, "power")

    async def ask(self, *requests: TrainingRequest) -> list[TrainingRun]:
        await self.write(TRAINING_REQUESTS, list(requests))
        await self.process.run_until_quiet()
        return self.runs()

    def runs(self) -> list[TrainingRun]:
        held = self.process.log.records_of((TRAINING_RUNS.name("penstock"), 0))
        return list(TRAINING_RUNS.decoder(None)(held))


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    generate_key_pair(tmp_path / "signing.pem", tmp_path / "trusted.pem")
    return tmp_path / "signing.pem", tmp_path / "trusted.pem"


@pytest.fixture
async def deployment(keys: tuple[Path, Path]) -> AsyncIterator[Deployment]:
    made = Deployment(Signer.from_file(keys[0]), Verifier.from_file(keys[1]))
    yield made
    await made.process.close()
