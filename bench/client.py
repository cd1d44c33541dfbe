"""How fast the Python client sends one frame: `python -m bench.client`, to a deployment that runs (`penstock up`).

Beside the wall clock, which is also the services', the seconds of one core that the client itself takes are counted.
"""

from __future__ import annotations

import argparse
import importlib
import time

import numpy as np

from penstock.client import Penstock

NUMBERS, INTEGERS, CATEGORIES, BOOLEANS = 12, 4, 4, 2  # 22 fields
TYPES = {
    **{f"number_{index}": "number" for index in range(NUMBERS)},
    **{f"integer_{index}": "integer" for index in range(INTEGERS)},
    **{f"category_{index}": "category" for index in range(CATEGORIES)},
    **{f"boolean_{index}": "boolean" for index in range(BOOLEANS)},
}
DECLARATION = {
    "stream": {"name": "client-bench", "task": "binary", "ordered": False},
    "label": {"name": "y", "classes": ["no", "yes"]},
    "fields": {name: {"type": kind} for name, kind in TYPES.items()},
}


def columns(rows: int) -> dict[str, object]:
    """Columns of all kinds; every seventh value of one is missing."""
    random = np.random.default_rng(0)
    values: dict[str, object] = {}
    for name, kind in TYPES.items():
        match kind:
            case "number":
                values[name] = random.normal(size=rows)
            case "integer":
                values[name] = random.integers(0, 100, rows)
            case "category":
                values[name] = random.choice(["north", "south", "east"], rows)
            case _:
                values[name] = random.random(rows) < 0.5
    values["number_0"] = np.where(np.arange(rows) % 7 == 0, np.nan, random.normal(size=rows))
    return values


def main() -> None:
    """Send the frame a few times, and print the rates of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--library", choices=("pandas", "polars"), default="polars")
    options = parser.parse_args()
    frame = importlib.import_module(options.library).DataFrame(columns(options.rows))
    with Penstock(in_flight=options.in_flight) as penstock:
        penstock.apply(DECLARATION)
        stream = penstock.stream("client-bench")
        for _ in range(options.times):
            wall, own = time.perf_counter(), time.process_time()
            receipt = stream.send(frame)
            wall, own = time.perf_counter() - wall, time.process_time() - own
            rates = f"{options.rows / wall:,.0f} events/s, {options.rows / own:,.0f} per second of the client's core"
            print(f"{receipt}: {rates}")  # noqa: T201 (it is what the command is for)


if __name__ == "__main__":
    main()
