"""`penstock sql`"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.home import home_from_environment
from penstock.console.prediction_log.locked_database import Answer, LockedDatabase
from penstock.console.prediction_log.log_files import FilesChanged, PredictionLog
from penstock.console.views.sql_answer import answer_csv, answer_lines, answer_table
from penstock.console.views.terminal import err, out

TRIES = 5  # files are merged now and then, while they are read


def sql(
    question: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT statement, in DuckDB's SQL.")],
    stream: Annotated[list[str] | None, typer.Option(help="A stream; all unless named. May be repeated.")] = None,
    store: Annotated[str, typer.Option(metavar="URL", help="Where the archiver writes; unless set, the home's.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
) -> None:
    """Ask what was answered, and why, in SQL: predictions, outcomes, rejected, decisions, dead_letters."""
    if as_json and as_csv:
        raise wrong_input("Choose one of --json and --csv.")
    home = home_from_environment()
    deployment = Deployment.read(home)
    namespace = os.environ.get("PENSTOCK_NAMESPACE") or (deployment.namespace if deployment else "penstock")
    with tempfile.TemporaryDirectory(prefix="penstock-sql-") as folder:
        log = PredictionLog(store or str(home.artifacts), namespace, Path(folder))
        _show(log, stream or [], question, Path(folder), as_json, as_csv)


def _show(log: PredictionLog, streams: Sequence[str], question: str, folder: Path, as_json: bool, as_csv: bool) -> None:
    for _ in range(TRIES):
        files = log.files(streams)
        if not files:
            err.print("Nothing is archived yet: the archiver writes what is new within two minutes.")
        database = LockedDatabase(files, streams, folder)
        try:
            return _print(database.ask(question), as_json, as_csv)
        except FilesChanged:
            continue
        finally:
            database.close()
    raise ConsoleFailure("The files of the prediction log change while they are read; try again.")


def _print(answer: Answer, as_json: bool, as_csv: bool) -> None:
    if as_json or as_csv:
        for line in (answer_lines if as_json else answer_csv)(answer.columns, answer.rows):
            typer.echo(line)
    else:
        out.print(answer_table(answer.columns, answer.rows, out.width))
