"""What the runs are made of: the sections by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.cells import ECHO, Validator, chosen
from bench.lab import Lab
from bench.results import Result
from bench.sections import drain, drift, growth, http, ingestion, latency, observing, services, steady


@dataclass(frozen=True)
class Wish:
    """What the command line says of a section: which cells (None: all), how many minutes of steady load."""

    cells: Sequence[str] | None = None
    minutes: float = 60.0


Section = Callable[[Lab, Wish], Awaitable[list[Result]]]

BATCH_CELLS = ("penstock", "echo", "faststream", "bytewax", "quix", "faust")


async def _drain(lab: Lab, wish: Wish) -> list[Result]:
    return await drain.measure(lab, chosen(wish.cells))


async def _boosting(lab: Lab, wish: Wish) -> list[Result]:
    return await drain.measure(lab, chosen(wish.cells or BATCH_CELLS), "boosting", "boosting")


async def _validator(lab: Lab, wish: Wish) -> list[Result]:
    cells = [cell for cell in (Validator(), ECHO) if wish.cells is None or cell.name in wish.cells]
    return await drain.measure(lab, cells, section="validator")


async def _latency(lab: Lab, wish: Wish) -> list[Result]:
    return await latency.measure(lab, chosen(wish.cells or BATCH_CELLS))


async def _http(lab: Lab, wish: Wish) -> list[Result]:
    return await http.measure(lab, wish.cells)


async def _ingestion(lab: Lab, wish: Wish) -> list[Result]:
    return await ingestion.measure(lab, wish.cells)


async def _drift(lab: Lab, _: Wish) -> list[Result]:
    return await drift.measure(lab)


async def _observing(lab: Lab, _: Wish) -> list[Result]:
    return await observing.measure(lab)


async def _services(lab: Lab, _: Wish) -> list[Result]:
    return await services.measure(lab)


async def _growth(lab: Lab, wish: Wish) -> list[Result]:
    return await growth.measure(lab, wish.cells)


async def _steady(lab: Lab, wish: Wish) -> list[Result]:
    return await steady.measure(lab, wish.minutes)


SECTIONS: dict[str, Section] = {
    "drain": _drain,
    "boosting": _boosting,
    "validator": _validator,
    "http": _http,
    "latency": _latency,
    "ingestion": _ingestion,
    "drift": _drift,
    "observing": _observing,
    "services": _services,
    "growth": _growth,
    "steady": _steady,
}

QUICK = ("drain", "http")
FULL = tuple(SECTIONS)
