"""The files that a replay's report is written to: a page for people, or JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from penstock.console.failure import wrong_input
from penstock.console.replay.replay import ReplayOptions, ReplayResult
from penstock.console.report_page.page import ReportPage
from penstock.console.report_page.settings_list import replay_settings

SUFFIXES = (".html", ".json")


def require_known_suffixes(paths: Iterable[Path]) -> None:
    """Check that the names of the files say how they are to be written.

    Raises:
        ConsoleFailure: one has another suffix.
    """
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise wrong_input(f"--report {path}: end the name in .html for a page, or in .json for programs")


def write_report(path: Path, result: ReplayResult, options: ReplayOptions, *, in_process: bool) -> None:
    """Write the report as the suffix of the file says.

    Raises:
        ConsoleFailure: the file cannot be written.
    """
    try:
        if path.suffix.lower() == ".html":
            _page(result, options, in_process=in_process).write(path)
        else:
            result.report.write(path, stream=result.stream, **result.extra_fields)
    except OSError as error:
        raise wrong_input(f"--report {path}: the file cannot be written: {error.strerror or error}") from error


def _page(result: ReplayResult, options: ReplayOptions, *, in_process: bool) -> ReportPage:
    refused = {row for refusal in result.report.refusals for row in refusal.first_rows}
    return ReportPage(
        title=f"Replay of {options.table.path.name}",
        stream=result.stream,
        declaration=options.declaration,
        report=result.report,
        rows=options.rows(result.stream),
        settings=replay_settings(options, in_process=in_process),
        file_lines=options.table.lines_of(refused) if refused else {},
    )
