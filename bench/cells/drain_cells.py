"""The cells of a drain: what runs, what it reads, and the format of its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.cells.penstock_deployment import declare_stream, deploy
from bench.instruments.processes import Command
from bench.peer_environments import PEER_SCRIPTS, SINGLE_THREADED, interpreter_of
from bench.testbed import Testbed
from penstock.bus.ports import NewTopic
from penstock.contracts.topics import EVENTS, PREDICTIONS

PARTITIONS = 4


@dataclass(frozen=True)
class PreparedCell:
    """A cell whose input is on the broker: its commands, and the topics that it reads and writes."""

    commands: Sequence[Command]
    inputs: Sequence[str]
    outputs: Sequence[str]
    record_format: str
    topics: Sequence[str]
    partitions: int = PARTITIONS


class Cell(Protocol):
    """What is measured; `prepare` puts its input on the broker under the given label."""

    @property
    def name(self) -> str: ...

    async def prepare(self, testbed: Testbed, label: str, count: int, family: str) -> PreparedCell: ...


@dataclass(frozen=True)
class Penstock:
    """The shipped server's stream child alone, `workers` times in one group."""

    name: str
    workers: int = 1

    async def prepare(self, testbed: Testbed, label: str, count: int, family: str) -> PreparedCell:
        """Make a deployment whose topic `events` holds `count` events."""
        deployment = await deploy(testbed.broker, testbed.folder, label, testbed.declaration, testbed.model(family))
        await testbed.broker.fill(deployment.events, deployment.partitions, testbed.events.encoded(count))
        return PreparedCell(
            deployment.scorers(self.workers), [deployment.events], [deployment.predictions], "penstock",
            deployment.topics, deployment.partitions,
        )  # fmt: skip


@dataclass(frozen=True)
class ManyStreams:
    """The shipped server's stream child alone, with `streams` equal streams that share the events."""

    name: str
    streams: int

    async def prepare(self, testbed: Testbed, label: str, count: int, family: str) -> PreparedCell:
        """Make a deployment with all the streams, each with its share of the events; the first gets the remainder."""
        model = testbed.model(family)
        deployment = await deploy(testbed.broker, testbed.folder, label, testbed.declaration, model)
        other_names = [f"bench-{number}" for number in range(1, self.streams)]
        for name in other_names:
            declaration = testbed.declaration.model_copy(update={"name": name})
            await declare_stream(testbed.broker, deployment, declaration, model)
        share = count // self.streams
        first_share = count - share * len(other_names)
        names = [deployment.stream.name, *other_names]
        for number, name in enumerate(names):
            size, first = (share, first_share + share * (number - 1)) if number else (first_share, 0)
            topic = deployment.topic(EVENTS, name)
            await testbed.broker.fill(topic, deployment.partitions, testbed.events.encoded(size, first))
        outputs = [deployment.topic(PREDICTIONS, name) for name in names]
        return PreparedCell(deployment.scorers(), [], outputs, "penstock", deployment.topics, deployment.partitions)


@dataclass(frozen=True)
class Validator:
    """The shipped validator alone."""

    name: str = "penstock"

    async def prepare(self, testbed: Testbed, label: str, count: int, family: str) -> PreparedCell:
        """Make a deployment whose topic `received` holds `count` events; no model is needed."""
        del family
        deployment = await deploy(testbed.broker, testbed.folder, label, testbed.declaration, None)
        await testbed.broker.fill(deployment.received, PARTITIONS, testbed.events.encoded(count))
        commands = [deployment.service("validator")]
        return PreparedCell(commands, [deployment.received], [deployment.events], "event", deployment.topics)


@dataclass(frozen=True)
class Peer:
    """A script of `peers/` in its environment."""

    name: str
    script: str
    environment: str
    record_format: str = "peer"

    async def prepare(self, testbed: Testbed, label: str, count: int, family: str) -> PreparedCell:
        """Create the peer's topics, and fill the input with `count` events."""
        topics = [f"{label}.in", f"{label}.out"]
        await testbed.broker.create([NewTopic(topic, PARTITIONS) for topic in topics])
        await testbed.broker.fill(topics[0], PARTITIONS, testbed.events.encoded(count))
        variables = {
            "BENCH_BROKER": testbed.broker.bootstrap,
            "BENCH_INPUT": topics[0],
            "BENCH_OUTPUT": topics[1],
            "BENCH_GROUP": label,
            "BENCH_MODEL": str(testbed.model(family).file),
            "BENCH_PIPELINE": str(testbed.model(family).estimator),
        }
        arguments = [str(interpreter_of(self.environment)), str(PEER_SCRIPTS / f"{self.script}.py")]
        command = Command(label, arguments, SINGLE_THREADED | variables, stops_gracefully=False)
        return PreparedCell([command], topics[:1], topics[1:], self.record_format, topics)


ECHO = Peer("echo", "on_aiokafka", "tutorial", record_format="event")

DRAIN: tuple[Cell, ...] = (
    Penstock("penstock"),
    Penstock("penstock-2", workers=2),
    ECHO,
    Peer("faststream", "on_faststream", "faststream"),
    Peer("bytewax", "on_bytewax", "bytewax"),
    Peer("quix", "on_quix", "quix"),
    Peer("faust", "on_faust", "faust"),
    Peer("tutorial", "on_tutorial", "tutorial"),
)


def drain_cells(names: Sequence[str] | None) -> list[Cell]:
    """The cells with these names; all if no name is given.

    Raises:
        ValueError: there is no such cell.
    """
    cells = {cell.name: cell for cell in DRAIN}
    unknown = [name for name in names or () if name not in cells]
    if unknown:
        raise ValueError(f"no cell is named {unknown[0]}: choose from {', '.join(cells)}")
    return [cells[name] for name in names or cells]
