"""`python -m bench.evaluation`: work out every cell that is not there yet, then write what was found."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.environments import QUIET
from bench.evaluation.cells import PRODUCT, Cell, ways
from bench.evaluation.page import write_page
from bench.evaluation.product import POLICIES
from bench.evaluation.streams import Stream, streams_in
from bench.processes import Failed
from bench.terminal import say, told
from penstock.runtime.stop_signals import interrupt_at

QUICK = 3000  # rows


def main() -> None:
    """Do what the command line asks for. Exit codes: 0 done, 1 a cell failed, 2 wrong input, 130 interrupted."""
    interrupt_at(signal.SIGINT)
    arguments = parser().parse_args()
    os.environ.update(QUIET)  # before a child loads its mathematics
    with TemporaryDirectory(prefix="penstock-evaluation-") as scratch:
        try:
            found = streams_in(arguments.data, Path(scratch), arguments.names)
            cells = cells_of(found, arguments)
        except (OSError, ValueError) as error:
            sys.exit(f"{error}")
        failed = _work_out(cells, arguments.jobs, again=arguments.again)
        if arguments.write or not (arguments.names or arguments.only or arguments.quick):
            write_page(found, arguments.seeds, arguments.policy, QUICK if arguments.quick else None)
    sys.exit(1 if failed else 0)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="STREAM", help="only these: a file's name without endings, or ours")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="CSV files, plain or gzipped, the label last")
    parser.add_argument(
        "--only", type=_words, default=(), metavar="CELL,..", help=f"of {', '.join(ways())}; * at an end"
    )
    parser.add_argument("--policy", type=_words, default=(), metavar="P,..", help=f"try too: {', '.join(POLICIES)}")
    parser.add_argument("--seeds", type=_numbers, default=(0, 1, 2), metavar="N,..", help="of Penstock's models")
    parser.add_argument("--quick", action="store_true", help=f"only the first {QUICK} rows of each file")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="cells at a time")
    parser.add_argument("--again", action="store_true", help="work out anew what is there already")
    parser.add_argument("--write", action="store_true", help="write docs/evaluation.md from what there is")
    return parser


def cells_of(streams: Sequence[Stream], arguments: argparse.Namespace) -> list[Cell]:
    """What was asked for, quick ones first.

    Raises:
        ValueError: there is no such way or policy.
    """
    known = ways(arguments.policy)
    unknown = [name for name in arguments.only if not any(_named(way, name) for way in known)]
    if unknown:
        raise ValueError(f"no cell is named {unknown[0]}: choose from {', '.join(known)}")
    rows = QUICK if arguments.quick else None
    wanted = [way for way in known if not arguments.only or any(_named(way, name) for name in arguments.only)]
    cells = [
        Cell(stream, way, seed, rows)
        for way in wanted
        for stream in streams
        for seed in (arguments.seeds if way.split("-")[0] == PRODUCT else (0,))
    ]
    return list({cell.path: cell for cell in cells}.values())


def _named(way: str, name: str) -> bool:
    return way == name or (name.endswith("*") and way.startswith(name[:-1]))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _work_out(cells: Sequence[Cell], jobs: int, *, again: bool) -> int:
    """Work out the cells that are not there; how many could not be."""
    missing = [cell for cell in cells if again or cell.kept() is None]
    say(f"{len(cells)} cells, of which {len(cells) - len(missing)} are there already")
    pool = ThreadPoolExecutor(jobs)
    try:
        waiting = {pool.submit(_in_a_process, cell): cell for cell in missing}
        return sum(_told(future, waiting[future]) for future in as_completed(waiting))
    except KeyboardInterrupt:
        say("interrupted: what was worked out is kept")
        sys.exit(130)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_a_process(cell: Cell) -> None:
    """Work a cell out in a process of its own: one that fails, however badly, fails alone."""
    process = get_context("spawn").Process(target=cell.work_out)
    process.start()
    process.join()
    if process.exitcode:
        raise Failed(f"ended with {process.exitcode}")


def _told(future: Future[None], cell: Cell) -> bool:
    """Say what came of a cell; whether it failed."""
    name = f"{cell.stream.key} {cell.way} {cell.seed}"
    error = future.exception()
    found = cell.kept() if error is None else None
    say(f"[red]{name}: {error}[/red]" if found is None else f"{name}: {_line(found)}")
    return found is None


def _line(found: object) -> str:
    assert isinstance(found, dict)
    parts: Iterable[str] = (
        f"{found['metric']} {told(found['score'] and round(found['score'], 4))}",
        f"{found['retrains']} trainings",
        f"{found['training_seconds']:.0f} s in learning",
    )
    return ", ".join(parts)


if __name__ == "__main__":
    main()
