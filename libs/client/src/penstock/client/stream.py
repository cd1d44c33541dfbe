"""A stream: what is sent to it, asked of it, and done with its models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload
from urllib.parse import quote

import msgspec

from penstock.client.batch_sender import Progress, send_batches
from penstock.client.batches import Batch, batches_of, rows_of
from penstock.client.documents import DocumentWriter, EventWriter, LabelWriter
from penstock.client.errors import PenstockError, Refused
from penstock.client.frames import Library, as_frame
from penstock.client.parquet_frames import chosen_library, frame_of_parquet
from penstock.client.predictions import Prediction, Predictions, answer_of
from penstock.client.receipts import Kind, Receipt, Refusal
from penstock.client.records import Records
from penstock.client.services import JSON, LAGGING, Services
from penstock.client.submission import Submission, refused_row
from penstock.client.views import (
    Answer,
    CommandResult,
    Epoch,
    Proposal,
    QualityReport,
    RegisteredModel,
    Rollout,
    StreamView,
    TrainingRun,
)

if TYPE_CHECKING:
    from penstock.client.sklearn_model import SklearnModel

PREDICTED_AT_ONCE = 500  # rows of a request

Row = Mapping[str, Any]


class AsyncStream:
    """A stream of a deployment, by its name; nothing is asked before the first call."""

    def __init__(self, name: str, services: Services, in_flight: int) -> None:
        self.name = name
        self._services = services
        self._in_flight = in_flight
        self._declaration: dict[str, Any] | None = None

    def __repr__(self) -> str:
        """The stream's name."""
        return f"{type(self).__name__}({self.name!r})"

    async def send(
        self,
        rows: object,
        *,
        id_column: str | None = None,
        time_column: str | None = None,
        progress: Progress | None = None,
    ) -> Receipt:
        """Send events.

        Args:
            rows: a dict of values by column, an iterable of such, or a frame of pandas, polars or pyarrow. Columns are
                fields of the stream; NaN, NaT, NA and None are missing values. The column of the label is left out.
            id_column: holds the events' ids, by default `id`. Where rows have none, each gets one of its own, which the
                receipt tells.
            time_column: holds the events' times, by default `time`; without one the time is now. Times without a zone
                are in that of the declaration.
            progress: called with the number of rows of each batch that is done.

        Raises:
            Refused: the only row was refused, or all of them as a whole.
            Unavailable: ingestion did not take a batch in time; the error's `receipt` tells how far it came.
        """
        writer = EventWriter(await self.declaration(), id_column, time_column)
        return await self._submission("events", writer).send(rows, progress)

    async def label(
        self,
        rows: object,
        *,
        id_column: str | None = None,
        value_column: str | None = None,
        time_column: str | None = None,
        progress: Progress | None = None,
    ) -> Receipt:
        """Send labels: the true values of events, as they become known. The rows that were sent as events will do.

        Args:
            rows: as of `send`; rows without a label are not sent.
            id_column: holds the events' ids, by default `event_id`, else `id`.
            value_column: holds the labels, by default the declared one, else `value`.
            time_column: says when each label became known; by default that is now.
            progress: as of `send`.

        Raises:
            Refused, Unavailable: as of `send`.
        """
        writer = LabelWriter(await self.declaration(), id_column, value_column, time_column)
        return await self._submission("labels", writer).send(rows, progress)

    @overload
    async def predict(  # type: ignore[overload-overlap]  # a dict is an object, and the more special comes first
        self,
        rows: Row,
        *,
        id_column: str | None = None,
        time_column: str | None = None,
        progress: Progress | None = None,
    ) -> Prediction: ...

    @overload
    async def predict(
        self,
        rows: object,
        *,
        id_column: str | None = None,
        time_column: str | None = None,
        progress: Progress | None = None,
    ) -> Predictions: ...

    async def predict(
        self,
        rows: object,
        *,
        id_column: str | None = None,
        time_column: str | None = None,
        progress: Progress | None = None,
    ) -> Prediction | Predictions:
        """Ask the model that serves. The rows are events from then on, with these answers: do not send them again.

        Args:
            rows: as of `send`.
            id_column: as of `send`.
            time_column: as of `send`.
            progress: as of `send`.

        Returns:
            the prediction of the one row, or the predictions of all, with a refusal in place of some.

        Raises:
            Refused, Unavailable: as of `send`.
        """
        writer = EventWriter(await self.declaration(), id_column, time_column)
        url = f"{await self._services.url('server')}/v1/streams/{self.name}/predict"
        answers: dict[int, Prediction | Refusal] = {}

        async def ask(batch: Batch) -> None:
            answers.update((refusal.index, refusal) for refusal in batch.refused)
            if batch.documents:
                body = b"[%b]" % b",".join(batch.documents)
                content = await self._services.requests.send("POST", url, content=body, headers=JSON, repeated=LAGGING)
                found = msgspec.json.decode(content, type=list[msgspec.Raw])
                answers.update((place, answer_of(place, raw)) for place, raw in zip(batch.places, found, strict=True))
            if progress is not None:
                progress(batch.rows)

        await send_batches(batches_of(rows_of(rows), writer, PREDICTED_AT_ONCE), ask, self._in_flight)
        if not isinstance(rows, Mapping):
            return Predictions((answers[place] for place in sorted(answers)), as_frame(rows))
        if isinstance(answers[0], Refusal):
            raise refused_row(url, answers[0])
        return answers[0]

    async def answer(self, event_id: str, source: str = "http") -> Answer | None:
        """What became of an event, None while there is no answer, or no longer."""
        url = f"{await self._services.url('ingestion')}/v1/streams/{self.name}/predictions/{quote(event_id, safe='')}"
        try:
            content = await self._services.requests.send("GET", url, query={"source": source}, repeated=LAGGING)
        except Refused as refusal:
            if refusal.code in ("unknown", "forgotten"):
                return None
            raise
        return msgspec.json.decode(content, type=Answer)

    async def view(self) -> StreamView:
        """The stream as the registry knows it now: its epoch, its champion, its declaration."""
        return await self._services.get(f"streams/{self.name}", StreamView)

    async def declaration(self) -> dict[str, Any]:
        """The stream's declaration; asked for once, since rows are read by it."""
        if self._declaration is None:
            self._declaration = (await self.view()).declaration
        return self._declaration

    async def quality(self, by: str | Iterable[str] = (), since: datetime | None = None) -> QualityReport:
        """How good the newest answers are.

        Args:
            by: what to group them by: `version`, a field, or two of these.
            since: the event time from which on answers count, with its zone.
        """
        fields = by if isinstance(by, str) else ",".join(by)
        query = {"by": fields} | ({} if since is None else {"since": since.isoformat()})
        return await self._services.get(f"streams/{self.name}/quality", QualityReport, query)

    async def models(self) -> Records[RegisteredModel]:
        """The registered models."""
        return Records(await self._services.get_list(f"streams/{self.name}/models", RegisteredModel))

    async def epochs(self) -> Records[Epoch]:
        """Which model served from when on, and why."""
        return Records(await self._services.get_list(f"streams/{self.name}/epochs", Epoch))

    async def runs(self) -> Records[TrainingRun]:
        """The training runs, and the decisions on their candidates."""
        return Records(await self._services.get_list(f"streams/{self.name}/runs", TrainingRun))

    async def ledger(self) -> dict[str, Any]:
        """Each training: why, its cost, its expected and realised gain; as `penstock ledger --json` has it."""
        return await self._services.ask_console(f"streams/{self.name}/ledger", dict[str, Any])

    async def why(self, event_id: str) -> dict[str, Any]:
        """Why an event was answered so: its reasons, model and evidence; as `penstock why --json` has it.

        Raises:
            Refused: there is no answer to such an event (`not_found`).
        """
        path = f"why/{quote(event_id, safe='')}"
        found = await self._services.ask_console(path, dict[str, list[dict[str, Any]]], {"stream": self.name})
        return found["answers"][0]

    async def outcomes(
        self,
        start: datetime | None = None,
        stop: datetime | None = None,
        *,
        last: int | None = None,
        backend: Library | None = None,
    ) -> Any:
        """The labelled outcomes that the log still has, oldest first: what was answered, what was true, the fields.

        A label that was corrected is a row again, with a higher `revision`. Imported history has no `prediction`.

        Args:
            start: the time from which on the log took them, UTC where it has no zone; by default the oldest one's.
            stop: the time before which it took them; by default now.
            last: only the newest so many, in place of `start`.
            backend: the library of the frame, by default the first installed of polars, pandas and pyarrow.

        Returns:
            a frame with offset, id, source, entity, time, label_time, revision, label, prediction, version, epoch,
            probabilities (in the declared order of classes), and each field under its name. A column that a field is
            named as is called `event.` and its name.

        Raises:
            Refused: they are more than 1,000,000.
            PenstockError: the library is not installed.
        """
        library = chosen_library(backend)
        wanted = {"from": start and start.isoformat(), "to": stop and stop.isoformat(), "last": last}
        query = {name: value for name, value in wanted.items() if value is not None}
        return frame_of_parquet(await self._services.download(f"streams/{self.name}/outcomes", query), library)

    async def model(self, version: int | None = None, *, member: int | None = None) -> SklearnModel:
        """A version of the model as a scikit-learn estimator, which answers as the server does.

        Args:
            version: by default the champion's.
            member: of a blend, which learns while it serves: which of its models.

        Raises:
            Refused: it is a blend and no member is named, or was not trained on any field.
            PenstockError: scikit-learn or skops is missing, or another version of them answers otherwise.
        """
        try:
            from penstock.client.sklearn_model import open_archive  # noqa: PLC0415 (it imports scikit-learn)
        except ImportError as error:
            raise PenstockError(
                f"A model needs {error.name}, which is not installed: pip install 'penstock-client[model]'"
            ) from error
        number = (await self.view()).champion if version is None else version
        query = {} if member is None else {"member": member}
        return open_archive(await self._services.download(f"streams/{self.name}/models/{number}/sklearn", query))

    async def proposals(self, limit: int = 20) -> Records[Proposal]:
        """The newest proposals of the stream, newest first."""
        query = {"stream": self.name, "limit": limit}
        return Records(await self._services.get_list("proposals", Proposal, query))

    async def rollout(self) -> Rollout | None:
        """The newest rollout, None before the first."""
        try:
            return await self._services.get(f"streams/{self.name}/rollout", Rollout)
        except Refused as refusal:
            if refusal.code == "no_rollout":
                return None
            raise

    async def start_rollout(
        self, *versions: int, mode: str | None = None, steps: Iterable[float] = (), reason: str = ""
    ) -> CommandResult:
        """Let versions answer beside the champion, by degrees; `mode` and `steps` as declared unless given."""
        body = {"versions": versions, "mode": mode, "steps": tuple(steps), "detail": reason}
        return await self._command("rollout", body)

    async def pause_rollout(self, reason: str = "") -> CommandResult:
        """Keep the rollout at its step until it is resumed; a challenger that is worse is taken back all the same."""
        return await self._command("rollout/pause", {"detail": reason})

    async def resume_rollout(self, reason: str = "") -> CommandResult:
        """Go on with a rollout that was paused."""
        return await self._command("rollout/resume", {"detail": reason})

    async def abort_rollout(self, reason: str = "") -> CommandResult:
        """Take the challengers back."""
        return await self._command("rollout/abort", {"detail": reason})

    async def promote_rollout(self, reason: str = "") -> CommandResult:
        """Let the challenger serve now."""
        return await self._command("rollout/promote", {"detail": reason})

    async def promote(self, version: int, *, expected_epoch: int | None = None, reason: str = "") -> CommandResult:
        """Let a version serve, if the stream is still at the expected epoch, by default the one it is at now."""
        epoch = (await self.view()).epoch if expected_epoch is None else expected_epoch
        return await self._command("promote", {"version": version, "expected_epoch": epoch, "detail": reason})

    async def roll_back(
        self, *, to_version: int | None = None, to_epoch: int | None = None, reason: str = ""
    ) -> CommandResult:
        """Return to a version, to all that served in an epoch, or to what served before; it is held from then on."""
        return await self._command("rollback", {"to_version": to_version, "to_epoch": to_epoch, "detail": reason})

    async def release(self, reason: str = "") -> CommandResult:
        """Lift the hold of a rollback."""
        return await self._command("release", {"detail": reason})

    async def retrain(self, reason: str = "") -> CommandResult:
        """Ask for a training."""
        return await self._command("retrain", {"detail": reason})

    async def pause(self, reason: str, *, intake: bool = False) -> CommandResult:
        """Pause the stream: it answers, and is neither trained nor changed by itself until it is resumed.

        With `intake` nothing is taken in either: `send`, `label` and `predict` raise `Unavailable`, whose text says so.
        """
        return await self._command("pause", {"reason": reason, "intake": intake})

    async def resume(self, reason: str = "") -> CommandResult:
        """Let the paused stream go on."""
        return await self._command("resume", {"reason": reason})

    async def delete(self, reason: str) -> CommandResult:
        """Delete the stream for good, with its topics. Its history and archive stay, and its name is not given again.

        Returns at once; `view().deletion["completed"]` is there when the topics are gone.
        """
        return await self._command("delete", {"reason": reason})

    async def _command(self, name: str, body: Mapping[str, Any]) -> CommandResult:
        return await self._services.command(f"streams/{self.name}/{name}", body, CommandResult)

    def _submission(self, kind: Kind, writer: DocumentWriter) -> Submission:
        return Submission(self._services, self.name, kind, writer, self._in_flight)
