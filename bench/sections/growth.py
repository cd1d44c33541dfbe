"""CPU per event of one stream child as fields, streams, keys or partitions grow; measured as in `drain`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bench.cells.drain_cells import Cell, ManyStreams, Penstock
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.sections.drain import drain_once, run_pilot
from bench.testbed import Testbed
from bench.workload.events import Events
from bench.workload.stream import CATEGORIES, DISTINCT, ENTITY, SAMPLE, draw_rows, init_declaration

FIELDS = (4, 10, 23, 50, 100, 300)  # two categories and the account among them
STREAMS = (1, 10, 100)
KEYS = (10, 1_000, 100_000, 1_000_000)
PARTITIONS = (1, 2, 4, 8)
OTHER_FIELDS = len(CATEGORIES) + len([ENTITY])  # that are no numbers


async def measure(testbed: Testbed, axes: Sequence[str] | None = None) -> list[Result]:
    """Measure along each axis in turn (None: all), everything else as in the other sections."""
    results: list[Result] = []
    for axis, points_along in AXES.items():
        if axes is None or axis in axes:
            for size, point_testbed, cell in points_along(testbed):
                results += await _measure_point(axis, size, point_testbed, cell)
    return results


async def _measure_point(axis: str, size: int, testbed: Testbed, cell: Cell) -> list[Result]:
    rates = {cell.name: await run_pilot(testbed, cell)}
    measurements = [
        measurement
        for repetition in range(testbed.repetitions)
        if (measurement := await drain_once(testbed, cell, "linear", f"g{repetition}", rates)) is not None
    ]
    section, name, event_bytes = f"growth-{axis}", str(size), len(testbed.events.values(1)[0])
    for drain in measurements:
        print_line(
            f"{section} {name:>9}: {drain.rate:>9,.0f} events/s, {drain.cpu:8.2f} us of CPU an event "
            f"of {event_bytes} bytes"
        )
    return [
        summarize(section, name, "events/s", [drain.rate for drain in measurements]),
        summarize(f"{section}-cpu", name, "us/event", [drain.cpu for drain in measurements]),
        summarize(f"{section}-bytes", name, "us/kB", [drain.cpu / event_bytes * 1000 for drain in measurements]),
    ]


def _with_fields(testbed: Testbed, fields: int) -> Testbed:
    """The testbed with a stream of so many fields."""
    folder, width = testbed.folder / f"fields-{fields}", fields - OTHER_FIELDS
    folder.mkdir()
    sample = draw_rows(SAMPLE, seed=0, width=width)
    declaration = init_declaration(folder, sample)
    events = Events(declaration, draw_rows(DISTINCT // 4, seed=1, width=width))
    return replace(testbed, folder=folder, declaration=declaration, sample=sample, events=events, models={})


def _with_keys(testbed: Testbed, keys: int) -> Testbed:
    """The testbed with events of so many accounts."""
    rows = draw_rows(max(keys, DISTINCT), seed=1, accounts=keys)
    return replace(testbed, events=Events(testbed.declaration, rows), models={})


def _with_partitions(testbed: Testbed, partitions: int) -> Testbed:
    """The testbed with a stream of so many partitions."""
    declaration = testbed.declaration.model_copy(update={"partitions": partitions})
    return replace(testbed, declaration=declaration, events=Events(declaration, testbed.events.rows, partitions))


Points = Iterator[tuple[int, Testbed, Cell]]
"""Sizes along an axis, each with what it is measured on."""


def _fields(testbed: Testbed) -> Points:
    return ((size, _with_fields(testbed, size), Penstock(f"fields-{size}")) for size in FIELDS)


def _streams(testbed: Testbed) -> Points:
    return ((size, testbed, ManyStreams(f"streams-{size}", size)) for size in STREAMS)


def _keys(testbed: Testbed) -> Points:
    return ((size, _with_keys(testbed, size), Penstock(f"keys-{size}")) for size in KEYS)


def _partitions(testbed: Testbed) -> Points:
    return ((size, _with_partitions(testbed, size), Penstock(f"partitions-{size}")) for size in PARTITIONS)


AXES: dict[str, Callable[[Testbed], Points]] = {
    "fields": _fields,
    "streams": _streams,
    "keys": _keys,
    "partitions": _partitions,
}
