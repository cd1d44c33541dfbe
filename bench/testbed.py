"""What every section is given: the broker, the stream, its events and models, and a folder to work in."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.broker import Broker, connected
from bench.events import Events
from bench.models import Trained, train
from bench.stream import DISTINCT, SAMPLE, Rows, declare, draw
from bench.terminal import say
from penstock.console.broker.standalone import running_broker
from penstock.contracts.declaration.stream import Declaration


@dataclass(frozen=True)
class Lab:
    """A place to measure in; `quick` asks for shorter measurements."""

    broker: Broker
    folder: Path
    declaration: Declaration
    sample: Rows
    events: Events
    quick: bool
    repetitions: int
    models: dict[str, Trained] = field(default_factory=dict)
    machine: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whatever must not be disturbed by another that holds it."""

    def trained(self, family: str = "linear") -> Trained:
        """The model of a family, trained when it is first asked for."""
        if family not in self.models:
            say(f"training the {family} model")
            self.models[family] = train(family, self.sample, self.events.rows, self.folder)
        return self.models[family]


@contextmanager
def folder_and_broker() -> Iterator[tuple[Path, str]]:
    """A temporary folder, and the address of a broker whose files lie there."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        say("starting the broker")
        with running_broker(folder / "broker") as bootstrap:
            yield folder, bootstrap


@asynccontextmanager
async def lab(folder: Path, bootstrap: str, quick: bool, repetitions: int) -> AsyncIterator[Lab]:
    """The stream declared from a sample and its events made, connected to the broker."""
    say("declaring the stream: penstock stream init --entity")
    sample = draw(SAMPLE, seed=0)
    declaration = declare(folder, sample)
    events = Events(declaration, draw(DISTINCT, seed=1))
    async with connected(bootstrap) as broker:
        yield Lab(broker, folder, declaration, sample, events, quick, repetitions)
