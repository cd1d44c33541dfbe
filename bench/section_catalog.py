"""The sections by name, and which of them a run has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.cells.drain_cells import ECHO, Validator, drain_cells
from bench.report.results import Result
from bench.sections import drain, drift, edge, growth, http, ingestion, latency, services, steady, tracing_cost
from bench.testbed import Testbed


@dataclass(frozen=True)
class SectionOptions:
    """Options of a section: its cells (None: all), and the minutes of the steady load."""

    cells: Sequence[str] | None = None
    minutes: float = 60.0


Section = Callable[[Testbed, SectionOptions], Awaitable[list[Result]]]

BATCH_CELLS = ("penstock", "echo", "faststream", "bytewax", "quix", "faust")


async def _drain(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await drain.measure(testbed, drain_cells(options.cells))


async def _boosting(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await drain.measure(testbed, drain_cells(options.cells or BATCH_CELLS), "boosting", "boosting")


async def _validator(testbed: Testbed, options: SectionOptions) -> list[Result]:
    cells = [cell for cell in (Validator(), ECHO) if options.cells is None or cell.name in options.cells]
    return await drain.measure(testbed, cells, section="validator")


async def _latency(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await latency.measure(testbed, drain_cells(options.cells or BATCH_CELLS))


async def _http(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await http.measure(testbed, options.cells)


async def _ingestion(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await ingestion.measure(testbed, options.cells)


async def _edge(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await edge.measure(testbed.repetitions, options.cells)


async def _drift(testbed: Testbed, _: SectionOptions) -> list[Result]:
    return await drift.measure(testbed)


async def _observing(testbed: Testbed, _: SectionOptions) -> list[Result]:
    return await tracing_cost.measure(testbed)


async def _services(testbed: Testbed, _: SectionOptions) -> list[Result]:
    return await services.measure(testbed)


async def _growth(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await growth.measure(testbed, options.cells)


async def _steady(testbed: Testbed, options: SectionOptions) -> list[Result]:
    return await steady.measure(testbed, options.minutes)


SECTIONS: dict[str, Section] = {
    "drain": _drain,
    "boosting": _boosting,
    "validator": _validator,
    "http": _http,
    "latency": _latency,
    "ingestion": _ingestion,
    "edge": _edge,
    "drift": _drift,
    "observing": _observing,
    "services": _services,
    "growth": _growth,
    "steady": _steady,
}

QUICK = ("drain", "http")
FULL = tuple(SECTIONS)
