"""`penstock sql`"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.prediction_log.locked_database import LockedDatabase, with_database
from penstock.console.prediction_log.log_files import PredictionLog
from penstock.console.remote_deployment import URL, artifacts_of, used_deployment
from penstock.console.views.sql_answer import answer_csv, answer_lines, answer_table
from penstock.console.views.terminal import err, out


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
    artifacts, namespace = _artifacts_and_namespace()
    with tempfile.TemporaryDirectory(prefix="penstock-sql-") as folder:
        log = PredictionLog(store or artifacts, namespace, Path(folder))
        with_database(
            log, stream or [], Path(folder), lambda database: _show(database, question, as_json=as_json, as_csv=as_csv)
        )


def _artifacts_and_namespace() -> tuple[str, str]:
    """Where the archiver of the deployment writes, whether or not it runs at the moment, and its namespace."""
    deployment = used_deployment() if os.environ.get(URL) else Deployment.read(home_from_environment())
    named = deployment.namespace if deployment else "penstock"
    return artifacts_of(deployment), os.environ.get("PENSTOCK_NAMESPACE") or named


def _show(database: LockedDatabase, question: str, *, as_json: bool, as_csv: bool) -> None:
    if database.is_empty:
        err.print("Nothing is archived yet: the archiver writes what is new within two minutes.")
    answer = database.ask(question)
    if as_json or as_csv:
        for line in (answer_lines if as_json else answer_csv)(answer.columns, answer.rows):
            typer.echo(line)
    else:
        out.print(answer_table(answer.columns, answer.rows, out.width))
