"""`python -m bench.evaluation`: run every cell that has no stored result, then write docs/evaluation.md."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.evaluation.cell_runner import run_cells
from bench.evaluation.cells import PENSTOCK, Cell, predictor_names
from bench.evaluation.evaluation_page import write_page
from bench.evaluation.penstock_replay import POLICIES
from bench.evaluation.streams import Stream, find_streams
from bench.peer_environments import SINGLE_THREADED
from penstock.runtime.stop_signals import interrupt_at

QUICK_ROWS = 3000


def main() -> None:
    """Run the command line. Exit codes: 0 success, 1 a cell failed, 2 wrong arguments, 130 interrupted."""
    interrupt_at(signal.SIGINT)
    arguments = parser().parse_args()
    os.environ.update(SINGLE_THREADED)  # before a child process loads its mathematics
    with TemporaryDirectory(prefix="penstock-evaluation-") as scratch:
        try:
            streams = find_streams(arguments.data, Path(scratch), arguments.names)
            cells = select_cells(streams, arguments)
        except (OSError, ValueError) as error:
            sys.exit(f"{error}")
        failures = run_cells(cells, arguments.jobs, again=arguments.again)
        if arguments.write or not (arguments.names or arguments.only or arguments.quick):
            write_page(streams, arguments.seeds, arguments.policy, QUICK_ROWS if arguments.quick else None)
    sys.exit(1 if failures else 0)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluation", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="STREAM",
        help="only these: a file's name without endings, a generated stream, or with the delay, as elec2-48",
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="CSV files, plain or gzipped, the label last")
    parser.add_argument(
        "--only",
        type=_words,
        default=(),
        metavar="CELL,..",
        help=f"of {', '.join(predictor_names())}; * at an end",
    )
    parser.add_argument("--policy", type=_words, default=(), metavar="P,..", help=f"run also: {', '.join(POLICIES)}")
    parser.add_argument("--seeds", type=_numbers, default=(0, 1, 2), metavar="N,..", help="of Penstock's models")
    parser.add_argument("--quick", action="store_true", help=f"only the first {QUICK_ROWS} rows of each file")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at a time")
    parser.add_argument("--again", action="store_true", help="run cells that have a stored result again")
    parser.add_argument("--write", action="store_true", help="write docs/evaluation.md from the stored results")
    return parser


def select_cells(streams: Sequence[Stream], arguments: argparse.Namespace) -> list[Cell]:
    """The cells that the command line selects.

    Raises:
        ValueError: there is no such predictor or policy.
    """
    predictors = predictor_names(arguments.policy)
    unknown = [name for name in arguments.only if not any(_matches(predictor, name) for predictor in predictors)]
    if unknown:
        raise ValueError(f"no cell is named {unknown[0]}: choose from {', '.join(predictors)}")
    rows = QUICK_ROWS if arguments.quick else None
    selected = [
        predictor
        for predictor in predictors
        if not arguments.only or any(_matches(predictor, name) for name in arguments.only)
    ]
    cells = [
        Cell(stream, predictor, seed, rows)
        for stream in streams
        for predictor in selected
        for seed in (arguments.seeds if predictor.split("-")[0] == PENSTOCK else (0,))
    ]
    distinct: dict[tuple[Path, str], Cell] = {}
    for cell in cells:
        distinct.setdefault((cell.path, cell.predictor), cell)
    return list(distinct.values())


def _matches(predictor: str, name: str) -> bool:
    return predictor == name or (name.endswith("*") and predictor.startswith(name[:-1]))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


if __name__ == "__main__":
    main()
