"""What every section measures with: the broker, the stream, its events and models, and a temporary folder."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.instruments.broker import Broker, connected
from bench.report.terminal import print_line
from bench.workload.events import Events
from bench.workload.models import TrainedModel, train
from bench.workload.stream import DISTINCT, SAMPLE, Rows, draw_rows, init_declaration
from penstock.console.broker.standalone import running_broker
from penstock.contracts.declaration.stream import Declaration


@dataclass(frozen=True)
class Testbed:
    """The broker, the stream and its events, and how to measure; `quick` makes measurements shorter."""

    broker: Broker
    folder: Path
    declaration: Declaration
    sample: Rows
    events: Events
    quick: bool
    repetitions: int
    models: dict[str, TrainedModel] = field(default_factory=dict)
    machine: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during a measurement, so that no other runs at the same time."""

    def model(self, family: str = "linear") -> TrainedModel:
        """The model of a family, trained at the first call."""
        if family not in self.models:
            print_line(f"training the {family} model")
            self.models[family] = train(family, self.sample, self.events.rows, self.folder)
        return self.models[family]


@contextmanager
def folder_with_broker() -> Iterator[tuple[Path, str]]:
    """A temporary folder, and the address of a broker that keeps its files there."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        print_line("starting the broker")
        with running_broker(folder / "broker") as bootstrap:
            yield folder, bootstrap


@asynccontextmanager
async def open_testbed(folder: Path, bootstrap: str, quick: bool, repetitions: int) -> AsyncIterator[Testbed]:
    """Declare the stream from a sample, make its events, and connect to the broker."""
    print_line("declaring the stream: penstock stream init --entity")
    sample = draw_rows(SAMPLE, seed=0)
    declaration = init_declaration(folder, sample)
    events = Events(declaration, draw_rows(DISTINCT, seed=1))
    async with connected(bootstrap) as broker:
        yield Testbed(broker, folder, declaration, sample, events, quick, repetitions)
