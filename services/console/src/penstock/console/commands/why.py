"""`penstock why EVENT_ID`"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from penstock.bus.ports import Log
from penstock.console.commands.json_output import print_json
from penstock.console.declared_streams import declared_streams, require_known_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.lineage.answer_explanation import Why, explain
from penstock.console.lineage.answer_reasons import ReasonsReader
from penstock.console.lineage.answer_search import AnswerSearch
from penstock.console.lineage.archived_answers import ArchivedAnswers
from penstock.console.log_client import open_log
from penstock.console.model_access import open_model_loader
from penstock.console.prediction_log.log_files import PredictionLog
from penstock.console.remote_deployment import artifacts_of, used_deployment
from penstock.console.views.terminal import out
from penstock.console.views.why_lines import why_document, why_lines
from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.package.estimator_bytes import import_learners


def why(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The id of an event.")],
    stream: Annotated[str | None, typer.Option(help="Its stream; every declared one unless named.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs: every record whole.")] = False,
) -> None:
    """Show why an event was answered so: its reasons, the model, its evidence, its training, and what tipped that."""
    found = asyncio.run(_why(used_deployment(), event_id, stream))
    if as_json:
        print_json([why_document(one) for one in found])
        return
    for one in found:
        for line in why_lines(one):
            out.print(line, markup=False, highlight=False, soft_wrap=True)


async def _why(deployment: Deployment, event_id: str, name: str | None) -> list[Why]:
    namespace = deployment.namespace
    learners = asyncio.ensure_future(asyncio.to_thread(import_learners))  # a second, while the log is read
    with tempfile.TemporaryDirectory(prefix="penstock-why-") as folder:
        prediction_log = PredictionLog(artifacts_of(deployment), namespace, Path(folder))
        async with open_log(deployment) as kafka_log:
            found, reasons = [], ReasonsReader(kafka_log, namespace, open_model_loader(deployment))
            for stream in await _streams(kafka_log, namespace, name):
                archive = ArchivedAnswers(prediction_log, Path(folder), stream.name)
                search = AnswerSearch(kafka_log, namespace, stream, archive)
                found.append(await explain(kafka_log, namespace, search, event_id, reasons))
    await learners
    answers = [answer for answer in found if answer is not None]
    if not answers:
        where = f"stream {name}" if name else "any stream"
        raise ConsoleFailure(
            f"Neither the log nor the prediction log has an answer to an event {event_id!r} of {where}."
        )
    return answers


async def _streams(log: Log, namespace: str, name: str | None) -> list[StreamDeclared]:
    if name is not None:
        return [await require_known_stream(log, namespace, name)]
    declared = await declared_streams(log, namespace)
    return [stream for each in sorted(declared.names()) if (stream := declared.get(each)) is not None]
