"""Traces through the worker: a sampled record has a span of its own, the batch's other records cost nothing.

A trace that no earlier hop began may begin here: of what a handler noticed (`Outputs.noticed`) and what was refused,
within a bound a second, and of every drift and every training. A span has one parent; what else led to its outputs (the
event of a label that has a trace of its own, the drift that a later report led to a training for) is linked, if this
process has seen it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from penstock.bus.span_attributes import attributes_of, encoded_attributes
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.topics import DRIFT, RECEIVED, REJECTED, TRAINING_REQUESTS
from penstock.telemetry import names
from penstock.telemetry.recent_spans import Subject
from penstock.telemetry.setup import Telemetry
from penstock.telemetry.spans import Attributes, SpanHandle, message_span
from penstock.telemetry.trace_choice import event_trace_id
from penstock.telemetry.traceparent import sampled_traceparent

_OF_ANSWERS = (names.EVENT_ID, names.EPOCH, names.MODEL_VERSION, names.REJECTION)  # what only outputs may know
_ALWAYS_TRACED = {DRIFT.short_name: "drift", TRAINING_REQUESTS.short_name: "training"}


class RecordSpans:
    """The spans of the records of one batch; they are opened on `spans`, and end with it."""

    def __init__(self, telemetry: Telemetry, topic: str, batch: Batch[Any], spans: ExitStack) -> None:
        self._telemetry = telemetry
        self._topic = topic
        self._batch = batch
        self._stack = spans
        self._spans: dict[int, SpanHandle] = {}
        self._open_sampled()

    def traceparent_of(self, index: int) -> bytes | None:
        """The traceparent for what the record at `index` causes."""
        span = self._spans.get(index)
        return None if span is None else span.header()

    def follow(self, outputs: Sequence[AnyOutputs]) -> None:
        """Give the spans what their outputs know, and begin the traces that the outputs call for."""
        if self._telemetry.record is None:
            return
        for output in outputs:
            for at, rule in self._rules(output).items():
                self._begin(output.causes[at], rule, _attributes(output, at))
            if self._spans:
                for at, cause in enumerate(output.causes):
                    span = self._spans.get(cause)
                    if span is not None:
                        self._add_from_output(span, _attributes(output, at))

    def _add_from_output(self, span: SpanHandle, attributes: Attributes) -> None:
        span.set({name: value for name, value in attributes.items() if name in _OF_ANSWERS})
        for subject in self._subjects(attributes, names.CAUSE_ID):
            for traceparent in self._telemetry.recent.of(subject):
                span.link(traceparent)

    def _subjects(self, attributes: Attributes, record: str) -> list[Subject]:
        """The event that attributes are about, and the record that the attribute `record` names."""
        stream = str(attributes.get(names.STREAM, self._batch.stream.name if self._batch.stream else ""))
        ids = ((names.EVENT_ID, attributes.get(names.EVENT_ID)), (names.RECORD_ID, attributes.get(record)))
        return [(kind, stream, str(own)) for kind, own in ids if own is not None]

    def _open_sampled(self) -> None:
        begins_here = self._telemetry.choice.takes_all and self._batch.topic is RECEIVED
        for index, record in enumerate(self._batch.raw):
            parent = sampled_traceparent(record.headers) if record.headers else None
            if parent is not None:
                self._open(index, parent, None, {})
            elif begins_here:
                event_id = attributes_of(self._batch.records[index]).get(names.EVENT_ID)
                if event_id is not None and self._telemetry.choice.chooses(str(event_id)):
                    self._open(index, None, self._trace_id(event_id), {})

    def _rules(self, output: AnyOutputs) -> Mapping[int, str]:
        """The outputs of which a trace begins here unless there is one already, with the rule that says so."""
        short_name, count = output.topic.short_name, len(output.causes)
        if output.topic is REJECTED:
            return dict.fromkeys(range(count), "rejected")
        if short_name in _ALWAYS_TRACED:
            return dict.fromkeys(range(count), _ALWAYS_TRACED[short_name])
        return output.noticed

    def _begin(self, index: int, rule: str, attributes: Attributes) -> None:
        if index in self._spans:
            return
        stream = str(attributes.get(names.STREAM, self._batch.stream.name if self._batch.stream else ""))
        if rule not in _ALWAYS_TRACED.values() and not self._telemetry.by_rule.take(stream):
            return
        trace_id = self._trace_id(attributes.get(names.EVENT_ID), stream)
        self._open(index, None, trace_id, {names.RULE: rule})

    def _trace_id(self, event_id: object, stream: str | None = None) -> int:
        """The id of the event's trace; without an event 0: any."""
        name = stream if stream is not None else self._batch.required_stream.name
        return 0 if event_id is None else event_trace_id(name, str(event_id))

    def _open(self, index: int, parent: bytes | None, begin: int | None, attributes: Attributes) -> None:
        record = self._batch.raw[index]
        known = {**attributes, **attributes_of(self._batch.records[index]), "messaging.kafka.offset": record.offset}
        if self._batch.stream is not None:
            known[names.STREAM] = self._batch.stream.name
        span = message_span(self._telemetry, names.PROCESS, self._topic, parent, known, begin=begin)
        self._spans[index] = self._stack.enter_context(span)
        if self._telemetry.record is not None and (header := span.header()) is not None:
            for subject in self._subjects(known, names.RECORD_ID):
                self._telemetry.recent.add(subject, header)


def _attributes(output: Outputs[Any], at: int) -> Attributes:
    record = output.records[at]
    if isinstance(record, bytes):
        return encoded_attributes(output.topic.short_name, record)
    return attributes_of(record)
