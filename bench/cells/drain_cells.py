"""The cells of a drain: what runs, what it reads, and in which form it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.environments import PEERS, QUIET, interpreter
from bench.lab import Lab
from bench.processes import Command
from bench.shipped import declare, deploy
from penstock.bus.ports import NewTopic
from penstock.contracts.topics import EVENTS, PREDICTIONS

PARTITIONS = 4


@dataclass(frozen=True)
class Prepared:
    """A cell whose input lies on the broker: what starts it, what it reads, and where it writes in which form."""

    commands: Sequence[Command]
    inputs: Sequence[str]
    outputs: Sequence[str]
    form: str
    topics: Sequence[str]
    partitions: int = PARTITIONS


class Cell(Protocol):
    """What is measured: it puts its input on the broker under a name of its own, and says what works it off."""

    @property
    def name(self) -> str: ...

    async def prepare(self, lab: Lab, label: str, count: int, family: str) -> Prepared: ...


@dataclass(frozen=True)
class Penstock:
    """The shipped scorer's stream child alone, `workers` times in one group."""

    name: str
    workers: int = 1

    async def prepare(self, lab: Lab, label: str, count: int, family: str) -> Prepared:
        """A deployment of its own, whose `events` hold so many events."""
        deployed = await deploy(lab.broker, lab.folder, label, lab.declaration, lab.trained(family))
        await lab.broker.fill(deployed.events, deployed.partitions, lab.events.encoded(count))
        return Prepared(
            deployed.scorers(self.workers), [deployed.events], [deployed.predictions], "penstock",
            deployed.topics, deployed.partitions,
        )  # fmt: skip


@dataclass(frozen=True)
class ManyStreams:
    """The shipped scorer's stream child alone, with so many streams like the one; the events are dealt out to them."""

    name: str
    streams: int

    async def prepare(self, lab: Lab, label: str, count: int, family: str) -> Prepared:
        """A deployment of its own with all the streams, each filled with its share of the events."""
        deployed = await deploy(lab.broker, lab.folder, label, lab.declaration, lab.trained(family))
        more = [f"bench-{number}" for number in range(1, self.streams)]
        for name in more:
            await declare(lab.broker, deployed, lab.declaration.model_copy(update={"name": name}), lab.trained(family))
        each = count // self.streams
        for number, name in enumerate([deployed.declared.name, *more]):
            share = count - each * (self.streams - 1) if number == 0 else each
            first = 0 if number == 0 else count - each * (self.streams - number)
            topic = deployed.topic(EVENTS, name)
            await lab.broker.fill(topic, deployed.partitions, lab.events.encoded(share, first))
        outputs = [deployed.topic(PREDICTIONS, name) for name in (deployed.declared.name, *more)]
        return Prepared(deployed.scorers(), [], outputs, "penstock", deployed.topics, deployed.partitions)


@dataclass(frozen=True)
class Validator:
    """The shipped validator alone."""

    name: str = "penstock"

    async def prepare(self, lab: Lab, label: str, count: int, family: str) -> Prepared:
        """A deployment of its own, whose `received` holds so many events; no model is needed."""
        del family
        deployed = await deploy(lab.broker, lab.folder, label, lab.declaration, None)
        await lab.broker.fill(deployed.received, PARTITIONS, lab.events.encoded(count))
        commands = [deployed.service("validator")]
        return Prepared(commands, [deployed.received], [deployed.events], "event", deployed.topics)


@dataclass(frozen=True)
class Peer:
    """A script of `peers/` in an environment of its own."""

    name: str
    script: str
    environment: str
    form: str = "peer"

    async def prepare(self, lab: Lab, label: str, count: int, family: str) -> Prepared:
        """Topics of its own, the input filled with so many events."""
        topics = [f"{label}.in", f"{label}.out"]
        await lab.broker.create([NewTopic(topic, PARTITIONS) for topic in topics])
        await lab.broker.fill(topics[0], PARTITIONS, lab.events.encoded(count))
        told = {
            "BENCH_BROKER": lab.broker.bootstrap,
            "BENCH_INPUT": topics[0],
            "BENCH_OUTPUT": topics[1],
            "BENCH_GROUP": label,
            "BENCH_MODEL": str(lab.trained(family).file),
            "BENCH_PIPELINE": str(lab.trained(family).estimator),
        }
        command = Command(
            label, [str(interpreter(self.environment)), str(PEERS / f"{self.script}.py")], QUIET | told, in_order=False
        )
        return Prepared([command], topics[:1], topics[1:], self.form, topics)


ECHO = Peer("echo", "on_aiokafka", "tutorial", form="event")

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


def chosen(names: Sequence[str] | None) -> list[Cell]:
    """The cells with these names, all if none is named.

    Raises:
        ValueError: there is no such cell.
    """
    known = {cell.name: cell for cell in DRAIN}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ValueError(f"no cell is named {unknown[0]}: choose from {', '.join(known)}")
    return [known[name] for name in names or known]
