"""Why an answer was given, in plain words, or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from penstock.console.lineage.answer_explanation import Why
from penstock.console.lineage.answer_search import FoundAnswer
from penstock.console.lineage.model_lineage import ModelLineage
from penstock.console.lineage.places import Placed
from penstock.console.lineage.served_models import instant
from penstock.console.views.reason_lines import reason_lines, reasons_document
from penstock.console.views.served_table import epoch_document, why_line
from penstock.contracts.records.governance import Command
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.training import Score, TrainingRun
from penstock.telemetry.trace_choice import event_trace_id


def why_lines(why: Why) -> Iterator[str]:
    """The answer in words, from the event to the record that tipped the training of its model."""
    yield from _answer_lines(why.answer)
    if why.reasons is not None:
        yield from reason_lines(why.reasons)
    yield from _outcome_lines(why.answer)
    data = why.answer.prediction.record.data
    if data.version < 0:
        yield f"The answer came with its event, from version {data.version_name} of an external model."
    else:
        yield from _epoch_lines(why)
        yield from _run_lines(why.lineage)
        yield from _request_lines(why)
    yield from _earlier_lines(why.answer)


def _answer_lines(answer: FoundAnswer) -> Iterator[str]:
    record, data = answer.prediction.record, answer.prediction.record.data
    entity = f" of {data.entity}" if data.entity else ""
    yield f"{answer.stream.name}: event {record.id}{entity}, {record.time:%Y-%m-%d %H:%M:%S}"
    yield f"  answered {_value(data)} at {_at(answer.prediction)}"
    yield f"  by version {data.version_name}{_how(data)}, in epoch {data.epoch}"
    yield f"  model {data.digest}, declaration {data.schema}, Penstock {data.code}"
    if data.learnt_to is not UNSET:
        yield f"  it had learnt from the outcomes before offset {data.learnt_to:,}"
    if answer.event is not None:
        yield f"  event {answer.event.place}: {_fields(answer.event.record.data)}"
    elif answer.outcomes:
        yield f"  event, by its outcome: {_fields(answer.outcomes[0].record.data.fields)}"
    yield f"  trace {event_trace_id(answer.stream.name, record.id):032x}, if it was recorded"


def _outcome_lines(answer: FoundAnswer) -> Iterator[str]:
    if not answer.outcomes:
        yield "No label has come yet."
    for placed in answer.outcomes:
        data = placed.record.data
        if data.status == "expired":
            yield f"No label came within the horizon ({placed.place})."
            continue
        late = _duration(data.label_time - placed.record.time) if data.label_time else ""
        correction = f", revision {data.revision}" if data.revision else ""
        yield f"The label is {data.label}, {late} after the event{correction} ({placed.place}): {_verdict(data)}."


def _verdict(data: Any) -> str:
    value, label = data.answer.value, data.label
    if isinstance(value, str):
        return "the answer was right" if value == label else "the answer was wrong"
    return f"the answer was off by {value - label:+.4g}"


def _epoch_lines(why: Why) -> Iterator[str]:
    lineage, data = why.lineage, why.answer.prediction.record.data
    if lineage.epoch is None or lineage.began is None:
        yield f"Epoch {data.epoch} is not on the log."
        return
    role = "champion" if lineage.began.record.champion.version == data.version else "challenger"
    began = lineage.began
    yield (
        f"Version {data.version} has been {role} since epoch {began.record.epoch}, "
        f"{instant(began.appended):%Y-%m-%d %H:%M:%S} ({began.place}): {why_line(began.record)}"
    )


def _run_lines(lineage: ModelLineage) -> Iterator[str]:
    if lineage.model is None or lineage.model.run is None:
        yield "It was not trained: it is the baseline, or was registered by a person."
        return
    if lineage.run is None:
        yield f"Its training, {lineage.model.run}, is not on the log."
        return
    run = lineage.run.record
    if run.push is not None:
        family, place = lineage.model.family, lineage.run.place
        yield f"It was made elsewhere, pushed by {run.push.by} as {family}, and judged here ({place})"
    else:
        yield (
            f"It was trained ({lineage.run.place}) on {run.dataset.rows if run.dataset else 0:,} outcomes, "
            f"{_range(run)}, as {lineage.model.family}, in {run.cpu_seconds:.1f} s of CPU"
        )
    if run.evaluation is not None:
        evaluation = run.evaluation
        scores = evaluation.objective or evaluation
        against = "" if evaluation.champion_version is None else f", version {evaluation.champion_version},"
        yield (
            f"  on the holdout its {scores.metric} was {_score(scores.candidate)}, the champion's{against} "
            f"{_score(scores.champion)}: better by {_score(scores.gain)}"
        )


def _request_lines(why: Why) -> Iterator[str]:
    lineage = why.lineage
    if lineage.request is None:
        return
    request = lineage.request.record
    yield f"The training was asked for ({lineage.request.place}): {request.reason}; {request.detail}"
    if lineage.decision is not None:
        for argument in lineage.decision.record.arguments:
            yield f"  {_argument(argument)}"
    match lineage.tipped_by:
        case None:
            pass
        case Placed(Drift() as drift, place, _):
            field = f" of {drift.field}" if drift.field else ""
            yield f"  tipped by a {drift.kind} drift{field} that {drift.detector} found ({place})"
            yield f"  at the event {drift.event_id}, {_trace(drift.stream, drift.event_id)}"
            yield f"  after the outcomes up to there, {_tipping_place(why)}"
        case Placed(Statistics() as block, place, _):
            yield f"  tipped by the outcomes {block.start:,} to {block.stop - 1:,} ({place}), {_tipping_place(why)}"
        case Placed(Command() as command, place, _):
            yield f"  asked for by {command.by} ({place})"


def _argument(argument: Any) -> str:
    if not argument.fires:
        return f"against: {argument.trigger} does not fire" + (f"; {argument.detail}" if argument.detail else "")
    held = f", but waits: {argument.blocked_by}" if argument.blocked_by else ""
    return f"for: {argument.trigger}{held}; {argument.detail}"


def _tipping_place(why: Why) -> str:
    place, found = why.lineage.tipping_outcome, why.tipping_outcome
    return f"the last at {place}" if found is not None else f"the last at {place}, no longer on the log"


def _earlier_lines(answer: FoundAnswer) -> Iterator[str]:
    if answer.earlier:
        yield f"{answer.prediction.record.data.entity} was answered before:"
    for placed in answer.earlier:
        data = placed.record.data
        yield (
            f"  {placed.record.time:%Y-%m-%d %H:%M:%S} {placed.record.id}: {_value(data)} "
            f"by version {data.version_name}, epoch {data.epoch} ({placed.place})"
        )


def why_document(why: Why) -> dict[str, Any]:
    """The same for programs: every record whole, with its place."""
    lineage, answer = why.lineage, why.answer
    return {
        "stream": answer.stream.name,
        "trace": f"{event_trace_id(answer.stream.name, answer.prediction.record.id):032x}",
        "prediction": _document(answer.prediction),
        "reasons": reasons_document(why.reasons) if why.reasons is not None else None,
        "event": _document(answer.event),
        "outcomes": [_document(outcome) for outcome in answer.outcomes],
        "epoch": epoch_document(lineage.epoch) if lineage.epoch else None,
        "since": epoch_document(lineage.began) if lineage.began else None,
        "run": _document(lineage.run),
        "request": _document(lineage.request),
        "decision": _document(lineage.decision),
        "tipped_by": _document(lineage.tipped_by),
        "tipping_outcome": _document(why.tipping_outcome),
        "earlier": [_document(earlier) for earlier in answer.earlier],
    }


def _document(placed: Placed[Any] | None) -> dict[str, Any] | None:
    if placed is None:
        return None
    record = placed.record
    content = record.model_dump(mode="json") if hasattr(record, "model_dump") else msgspec.to_builtins(record)
    return {"place": str(placed.place), "appended": instant(placed.appended).isoformat(), "record": content}


def _value(data: PredictionData) -> str:
    if isinstance(data.value, str):
        likeliest = f" ({max(data.probabilities):.1%})" if data.probabilities else ""
        return f"{data.value}{likeliest}"
    return f"{data.value:.6g}"


def _how(data: PredictionData) -> str:
    said: Iterable[str] = (
        f", {data.arm}",
        ", the baseline" if data.baseline else "",
        ", in place of a challenger that failed" if data.fallback is True else "",
        f", over {'HTTP' if data.route == 'http' else 'the stream'}",
    )
    return "".join(said)


def _at(placed: Placed[Prediction]) -> str:
    return f"{instant(placed.appended):%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" ({placed.place})"


def _fields(payload: Any) -> str:
    fields = msgspec.to_builtins(payload)
    return ", ".join(f"{name} {value}" for name, value in fields.items() if value is not None)


def _range(run: TrainingRun) -> str:
    return f"those at offsets {run.learnt_from:,} to {run.until - 1:,}"


def _score(score: Score) -> str:
    interval = "" if score.low is None or score.high is None else f" [{score.low:.4g}, {score.high:.4g}]"
    return f"{score.value:.4g}{interval}"


def _trace(stream: str, event_id: str) -> str:
    return f"trace {event_trace_id(stream, event_id):032x}"


def _duration(span: timedelta) -> str:
    """A length of time in its largest unit.

    >>> _duration(timedelta(seconds=90)), _duration(timedelta(days=2, hours=3))
    ('1.5 minutes', '2.1 days')
    """
    seconds = span.total_seconds()
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.2g} seconds"
