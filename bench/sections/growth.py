"""What an event costs the scorer as fields, streams, keys and partitions grow: one worker, drains as in `drain`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bench.cells import Cell, ManyStreams, Penstock
from bench.events import Events
from bench.lab import Lab
from bench.results import Result, result
from bench.sections.drain import drained_once, pilot
from bench.stream import CATEGORIES, DISTINCT, ENTITY, SAMPLE, declare, draw
from bench.terminal import say

FIELDS = (4, 10, 23, 50, 100, 300)  # two categories and the account among them
STREAMS = (1, 10, 100)
KEYS = (10, 1_000, 100_000, 1_000_000)
PARTITIONS = (1, 2, 4, 8)
BESIDE_NUMBERS = len(CATEGORIES) + len([ENTITY])


async def measure(lab: Lab, axes: Sequence[str] | None = None) -> list[Result]:
    """Each axis in turn, the rest as everywhere else."""
    rows: list[Result] = []
    for axis, points in AXES.items():
        if axes is None or axis in axes:
            for size, place, cell in points(lab):
                rows += await _point(axis, size, place, cell)
    return rows


async def _point(axis: str, size: int, lab: Lab, cell: Cell) -> list[Result]:
    rates = {cell.name: await pilot(lab, cell)}
    found = [
        drained
        for repetition in range(lab.repetitions)
        if (drained := await drained_once(lab, cell, "linear", f"g{repetition}", rates)) is not None
    ]
    section, name, event = f"growth-{axis}", str(size), len(lab.events.values(1)[0])
    for drained in found:
        say(
            f"{section} {name:>9}: {drained.rate:>9,.0f} events/s, {drained.cpu:8.2f} us of CPU an event of {event} bytes"
        )
    return [
        result(section, name, "events/s", [drained.rate for drained in found]),
        result(f"{section}-cpu", name, "us/event", [drained.cpu for drained in found]),
        result(f"{section}-bytes", name, "us/kB", [drained.cpu / event * 1000 for drained in found]),
    ]


def _with_fields(lab: Lab, fields: int) -> Lab:
    """The lab with a stream of so many fields."""
    folder, width = lab.folder / f"fields-{fields}", fields - BESIDE_NUMBERS
    folder.mkdir()
    sample = draw(SAMPLE, seed=0, width=width)
    declaration = declare(folder, sample)
    events = Events(declaration, draw(DISTINCT // 4, seed=1, width=width))
    return replace(lab, folder=folder, declaration=declaration, sample=sample, events=events, models={})


def _with_keys(lab: Lab, keys: int) -> Lab:
    """The lab with events of so many accounts."""
    rows = draw(max(keys, DISTINCT), seed=1, accounts=keys)
    return replace(lab, events=Events(lab.declaration, rows), models={})


def _with_partitions(lab: Lab, partitions: int) -> Lab:
    """The lab with a stream declared to have so many partitions."""
    declaration = lab.declaration.model_copy(update={"partitions": partitions})
    return replace(lab, declaration=declaration, events=Events(declaration, lab.events.rows, partitions))


Points = Iterator[tuple[int, Lab, Cell]]


def _fields(lab: Lab) -> Points:
    return ((size, _with_fields(lab, size), Penstock(f"fields-{size}")) for size in FIELDS)


def _streams(lab: Lab) -> Points:
    return ((size, lab, ManyStreams(f"streams-{size}", size)) for size in STREAMS)


def _keys(lab: Lab) -> Points:
    return ((size, _with_keys(lab, size), Penstock(f"keys-{size}")) for size in KEYS)


def _partitions(lab: Lab) -> Points:
    return ((size, _with_partitions(lab, size), Penstock(f"partitions-{size}")) for size in PARTITIONS)


AXES: dict[str, Callable[[Lab], Points]] = {
    "fields": _fields,
    "streams": _streams,
    "keys": _keys,
    "partitions": _partitions,
}
