"""The intake: HTTP and the console's replay submit records here, to be checked and written to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from penstock.contracts.batch import Headers
from penstock.contracts.operation_header import AWAITED
from penstock.contracts.records.events import Label
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.admission import Admission, AdmittedRecord
from penstock.ingestion.limits import Limits
from penstock.ingestion.recent_operations import RecentOperations
from penstock.ingestion.shorthand import RecordKind
from penstock.runtime.http.body_slices import DOCUMENT_BYTES, documents_at_a_time, slices_of
from penstock.runtime.http.micro_batches import MicroBatches, PendingRequest
from penstock.runtime.log_writer import LogWriter, WriteRequest
from penstock.runtime.service import Resources
from penstock.telemetry.names import TRACEPARENT
from penstock.telemetry.spans import send_spans

MAX_BATCH = 1000  # records of small requests that are checked and written together
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AcceptedRecord:
    """A record that the broker has acknowledged."""

    id: str


Verdict = AcceptedRecord | Refusal

OnAdmitted = Callable[[AdmittedRecord], None]
"""Is called with the one record of a request that waits for its answer, right before it is written."""


@dataclass(frozen=True, slots=True)
class IntakeRequest:
    """The documents of one request, its traceparent, and whom it tells of its record if it waits for the answer."""

    documents: Sequence[bytes]
    traceparent: bytes | None
    on_admitted: OnAdmitted | None


PendingIntake = PendingRequest[IntakeRequest, list[Verdict]]


@dataclass(frozen=True, slots=True)
class _StreamIntake:
    """The micro-batches of records of one kind and stream, checked by one version of its declaration."""

    declared: StreamDeclared
    batches: MicroBatches[IntakeRequest, list[Verdict]]


class Intake:
    """Checks records and writes the admitted ones to `received`; small requests that come together go together."""

    def __init__(self, resources: Resources, writer: LogWriter, limits: Limits) -> None:
        self._namespace = resources.namespace
        self._streams = resources.streams
        self._clock = resources.clock
        self._telemetry = resources.telemetry
        self._metrics = resources.metrics
        self._writer = writer
        self._limits = limits
        self._recent = RecentOperations(limits.recent_operations)
        self._intakes: dict[tuple[str, RecordKind], _StreamIntake] = {}

    async def submit(
        self,
        stream: str,
        kind: RecordKind,
        documents: Sequence[bytes],
        traceparent: bytes | None = None,
        on_admitted: OnAdmitted | None = None,
    ) -> list[Verdict]:
        """Check records and write them; `documents` are CloudEvents or shorthand in JSON, one a record.

        The i-th verdict is on the i-th document. Accepted records are on the log, all in one write. `traceparent` is
        of the request that brings them; the trace continues with the first record. With `on_admitted` the only record
        is marked as awaited, so that its answer says whose it is.

        Raises:
            WriteUnconfirmed: the broker did not acknowledge; none counts as accepted, all are safe to send again.
            RecordTooLarge: the log does not take records of this size.
        """
        declared = self._streams.get(stream)
        if declared is None:
            return [Refusal("unknown_stream", "no such stream is declared", "stream", kind) for _ in documents]
        batches = self._intake_of(declared, kind).batches
        return await batches.submit(IntakeRequest(documents, traceparent, on_admitted), len(documents))

    def _intake_of(self, declared: StreamDeclared, kind: RecordKind) -> _StreamIntake:
        intake = self._intakes.get((declared.name, kind))
        if intake is None or intake.declared is not declared:
            admission = Admission(declared, self._limits)
            batches = MicroBatches(partial(self._process, admission, kind), MAX_BATCH)
            intake = self._intakes[declared.name, kind] = _StreamIntake(declared, batches)
        return intake

    async def _process(self, admission: Admission, kind: RecordKind, batch: Sequence[PendingIntake]) -> None:
        now = self._clock()
        documents = [document for pending in batch for document in pending.request.documents]
        admitted = await _admit_in_slices(admission, kind, documents, now)
        verdicts = iter(self._recent.refuse_conflicts(admission.stream, admitted, now))
        by_request = [[next(verdicts) for _ in pending.request.documents] for pending in batch]
        errors = await self._write(admission.stream, batch, by_request, now)
        for pending, own_verdicts, error in zip(batch, by_request, errors, strict=True):
            if error is None:
                pending.resolve([AcceptedRecord(v.id) if isinstance(v, AdmittedRecord) else v for v in own_verdicts])
            else:
                pending.fail(error)

    async def _write(
        self,
        declared: StreamDeclared,
        batch: Sequence[PendingIntake],
        by_request: Sequence[Sequence[AdmittedRecord | Refusal]],
        now: int,
    ) -> list[Exception | None]:
        """Write the admitted records; the error of each request, None when they are on the log or there are none."""
        admitted = {index: records for index, verdicts in enumerate(by_request) if (records := _admitted_in(verdicts))}
        errors: list[Exception | None] = [None] * len(batch)
        with ExitStack() as spans:
            requests = [
                self._write_request(declared.name, records, batch[index].request, spans)
                for index, records in admitted.items()
            ]
            write_errors = await self._writer.write(declared.name, requests) if requests else []
        for (index, records), error in zip(admitted.items(), write_errors, strict=True):
            errors[index] = error
            if error is None:
                self._recent.remember(declared, records, now)
                self._metrics.count_produced(RECEIVED.name(self._namespace, declared.name), len(records))
        return errors

    def _write_request(
        self, stream: str, records: Sequence[AdmittedRecord], request: IntakeRequest, spans: ExitStack
    ) -> WriteRequest:
        topic, ids = RECEIVED.name(self._namespace, stream), [_event_id(record) for record in records]
        traceparents = send_spans(self._telemetry, topic, stream, ids, request.traceparent, spans)
        headers: dict[int, Headers] = {index: ((TRACEPARENT, header),) for index, header in traceparents.items()}
        if request.on_admitted is not None:
            request.on_admitted(records[0])
            headers[0] = (*AWAITED, *headers.get(0, ()))
        values, keys = [record.value for record in records], [record.key for record in records]
        return WriteRequest(values, keys, headers)


async def _admit_in_slices(
    admission: Admission, kind: RecordKind, documents: Sequence[bytes], now: int
) -> list[AdmittedRecord | Refusal]:
    time = _EPOCH + timedelta(milliseconds=now)
    verdicts: list[AdmittedRecord | Refusal] = []
    most = documents_at_a_time(len(admission.stream.declaration.fields))
    for part in slices_of(documents, most):
        if verdicts:
            await asyncio.sleep(0)
        if len(part[0]) > DOCUMENT_BYTES:
            verdicts += await asyncio.to_thread(admission.admit, kind, part, time)
        else:
            verdicts += admission.admit(kind, part, time)
    if len(documents) > most:
        await asyncio.sleep(0)
    return verdicts


def _event_id(admitted: AdmittedRecord) -> str:
    record = admitted.record
    return record.data.event_id if isinstance(record, Label) else record.id


def _admitted_in(verdicts: Iterable[AdmittedRecord | Refusal]) -> list[AdmittedRecord]:
    return [verdict for verdict in verdicts if isinstance(verdict, AdmittedRecord)]
