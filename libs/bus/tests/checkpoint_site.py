"""A log, a place for checkpoints, and machines with disks of their own that a group may run on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from penstock.artifacts.named_files import NamedFiles
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.checkpoint_store import CheckpointStore
from penstock.bus.state.checkpointed_stores import CheckpointedStores
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.state.unit_state import State
from penstock.bus.topics import control_topics, stream_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.records.events import Label
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import LABELS, OUTCOMES
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import memory_telemetry

from .label_stream import declared
from .test_worker import label

NAMESPACE = "test"
LOANS = ("sums", "loans", 0)


def open_sums(unit: Unit, state: State) -> Sequence[Route]:
    """Writes for each number the sum of all numbers so far; a number counts once."""

    def handle(batch: Batch[Label]) -> Iterable[AnyOutputs]:
        records = []
        for record in batch.records:
            key = record.data.event_id.encode()
            if state.get(key) is None:
                total = b"%d" % (int(state.get(b"sum") or 0) + int(record.data.event_id))
                state.put(key, total)
                state.put(b"sum", total)
            records.append(key + b":" + (state.get(key) or b""))
        return [Outputs(OUTCOMES, unit.stream, records, [None] * len(records), causes=range(len(records)))]

    return [route(LABELS, handle)]


def sums(numbers: Iterable[int]) -> list[bytes]:
    """What one member with one disk writes, each output once."""
    total, outputs = 0, []
    for number in dict.fromkeys(numbers):
        total += number
        outputs.append(b"%d:%d" % (number, total))
    return outputs


class Machine(CheckpointedStores):
    """The disk of one machine, which knows where checkpoints are."""

    def __init__(self, folder: Path, files: NamedFiles) -> None:
        self.results: list[str] = []
        self.checkpoints = CheckpointStore(files, NAMESPACE)
        super().__init__(RocksStateStores(folder), self.checkpoints, self.results.append)


class Site:
    """A log, a place for checkpoints, and machines on which a member of the group may run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.streams = folder, MemoryLog(), Streams()
        self.written: dict[str, list[int]] = {"loans": [], "cards": []}
        self.files = NamedFiles.in_folder(folder / "checkpoints")
        self.machines: dict[str, Machine] = {}

    async def start(self) -> None:
        for name in self.written:
            self.streams.apply(declared(name))
            await self.log.create(stream_topics(NAMESPACE, declared(name)))
        await self.log.create(control_topics(NAMESPACE))

    def machine(self, name: str) -> Machine:
        return self.machines.setdefault(name, Machine(self.folder / name, self.files))

    def worker(self, machine: str) -> Worker:
        group = Group("sums", (LABELS,), open_sums, stateful=True)
        telemetry, _ = memory_telemetry()
        return Worker(group, self.log, NAMESPACE, self.streams, self.machine(machine), telemetry, Metrics())

    def write(self, *numbers: int, stream: str = "loans") -> None:
        self.written[stream] += numbers
        key = (LABELS.name(NAMESPACE, stream), 0)
        self.log.append([RecordBatch.single(*key, b"key", label(number)) for number in numbers])

    def outputs(self, stream: str = "loans") -> list[bytes]:
        """Each output once, at its first place."""
        records = self.log.records_of((OUTCOMES.name(NAMESPACE, stream), 0))
        return list(dict.fromkeys(record.value or b"" for record in records))

    async def work(self, worker: Worker, stream: str = "loans") -> None:
        """Work until everything that was written is answered, and written to the state."""
        await work_until(worker, lambda: self.position(worker, stream) == len(self.written[stream]))

    def position(self, worker: Worker, stream: str) -> int:
        unit = worker._units.of(LABELS.name(NAMESPACE, stream), 0)
        positions = unit.state.positions() if unit is not None and unit.state is not None else {}
        return positions.get(LABELS.name(NAMESPACE, stream), 0)

    def expire(self, before: int) -> None:
        self.log.expire((LABELS.name(NAMESPACE, "loans"), 0), before)

    def stored(self, kind: str) -> list[Path]:
        return sorted((self.folder / "checkpoints").glob(f"checkpoints/test/sums/loans/0/{kind}/*"))


async def work_until(worker: Worker, condition: Callable[[], bool]) -> None:
    await worker.step(0)
    while not condition():
        await worker.step(0.01)
