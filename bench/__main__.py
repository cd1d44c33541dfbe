"""`python -m bench`: install the peers, or run all sections, the quick ones, or one of them."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path

import uvloop

from bench import peer_environments
from bench.report.results import Result, write_results
from bench.report.terminal import print_line, print_results
from bench.section_catalog import FULL, QUICK, SECTIONS, SectionOptions
from bench.testbed import folder_with_broker, open_testbed
from penstock.runtime.stop_signals import interrupt_at


def main() -> None:
    """Run the command line. Exit codes: 0 success, 2 wrong arguments, 130 interrupted."""
    interrupt_at(signal.SIGINT)
    arguments = _parser().parse_args()
    gc.set_threshold(200_000, 20, 100)  # the default of 700 objects is too low for millions of events
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # or it logs every topic that is deleted
    try:
        if arguments.what == "setup":
            peer_environments.install_environments(arguments.cells)
        else:
            _run(arguments)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print_line("interrupted: all processes are stopped")
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what",
        choices=["setup", "quick", "full", *SECTIONS],
        metavar="WHAT",
        help="setup, quick, full or " + ", ".join(SECTIONS),
    )
    parser.add_argument(
        "--cells", type=lambda text: text.split(","), metavar="A,B", help="only these cells of a section"
    )
    parser.add_argument("--quick", action="store_true", help="measure a section as the quick run does")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N")
    parser.add_argument("--minutes", type=float, default=60.0, metavar="M", help="of the steady load, in a full run 60")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    sections = {"quick": QUICK, "full": FULL}.get(arguments.what, (arguments.what,))
    quick = arguments.quick or arguments.what == "quick"
    with folder_with_broker() as (folder, bootstrap):
        results = uvloop.run(_run_sections(arguments, sections, folder, bootstrap, quick))
    print_results(results)
    if arguments.what == "full":
        from bench.report.benchmarks_page import write_page  # noqa: PLC0415 (plots need their own environment)

        write_page(results, arguments.repetitions)


async def _run_sections(
    arguments: argparse.Namespace, names: tuple[str, ...], folder: Path, bootstrap: str, quick: bool
) -> list[Result]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    results: list[Result] = []
    async with open_testbed(folder, bootstrap, quick, arguments.repetitions) as testbed:
        for name in names:
            print_line(f"[bold]section {name}[/bold]")
            results += await SECTIONS[name](testbed, SectionOptions(arguments.cells, arguments.minutes))
            if arguments.what in ("quick", "full"):  # kept even if a later section fails
                print_line(f"written: {write_results(arguments.what, results)}")
    return results


if __name__ == "__main__":
    main()
