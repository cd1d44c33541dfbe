"""What served a stream, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from penstock.console.lineage.places import Placed
from penstock.console.lineage.served_models import EpochSpan, ServedEpoch, instant
from penstock.contracts.records.models import ModelEpoch, ModelVersion

SHORT_DIGEST = 19  # letters: the algorithm, and enough of the digest to tell two apart


def spans_table(stream: str, spans: Sequence[EpochSpan]) -> Table:
    """A row for each epoch."""
    table = Table("epoch", "made", "first answer", "answers by", "why", title=stream, title_justify="left", box=None)
    for span in spans:
        first = "-" if span.first_answer is None else f"{instant(span.first_answer):%Y-%m-%d %H:%M:%S}"
        table.add_row(
            str(span.epoch.record.epoch),
            f"{instant(span.epoch.appended):%Y-%m-%d %H:%M:%S}",
            first,
            "\n".join(arm_lines(span.epoch.record)),
            why_line(span.epoch.record),
        )
    return table


def served_lines(stream: str, served: Sequence[ServedEpoch]) -> Iterable[str]:
    """What answered, in words: an epoch at a time, and the records that show it."""
    for one in served:
        record = one.epoch.record
        shown = ", ".join(map(str, one.shown_by)) or "its own time: no answer of then is on the log"
        yield f"{stream}: epoch {record.epoch}, by {shown}"
        yield from (f"  {line}" for line in arm_lines(record, SHORT_DIGEST))
        yield f"  made {instant(one.epoch.appended):%Y-%m-%d %H:%M:%S} ({one.epoch.place}): {why_line(record)}"


def arm_lines(record: ModelEpoch, digest: int = 0) -> list[str]:
    """The champion and the challengers of an epoch, each with its share; with so many letters of their digests."""
    challengers = record.rollout.challengers if record.rollout else ()
    mode = record.rollout.mode if record.rollout else ""
    rest = 1 - sum(challenger.share for challenger in challengers)
    share = f", {rest:.4g} of the traffic" if challengers else ""
    return [
        f"version {_model(record.champion, digest)}, champion{share}",
        *(
            f"version {_model(challenger.model, digest)}, {mode}, {challenger.share:.4g} of the traffic"
            for challenger in challengers
        ),
    ]


def why_line(record: ModelEpoch) -> str:
    """Why an epoch was made."""
    return f"{record.reason}: {record.detail}" if record.detail else record.reason


def _model(model: ModelVersion, digest: int) -> str:
    return f"{model.version} ({model.family}{f', {model.digest[:digest]}' if digest else ''})"


def served_document(stream: str, served: Sequence[ServedEpoch]) -> dict[str, Any]:
    """What answered, for programs."""
    return {
        "stream": stream,
        "epochs": [{**epoch_document(one.epoch), "shown_by": list(map(str, one.shown_by))} for one in served],
    }


def spans_document(stream: str, spans: Sequence[EpochSpan]) -> dict[str, Any]:
    """The epochs and their first answers, for programs."""
    return {
        "stream": stream,
        "epochs": [
            {
                **epoch_document(span.epoch),
                "first_answer": None if span.first_answer is None else instant(span.first_answer).isoformat(),
            }
            for span in spans
        ],
    }


def epoch_document(epoch: Placed[ModelEpoch]) -> dict[str, Any]:
    """An epoch with its place: its models by version and digest, and their shares."""
    record = epoch.record
    challengers = record.rollout.challengers if record.rollout else ()
    return {
        "epoch": record.epoch,
        "place": str(epoch.place),
        "made": instant(epoch.appended).isoformat(),
        "reason": record.reason,
        "detail": record.detail,
        "mode": record.rollout.mode if record.rollout else None,
        "models": [
            _model_document(record.champion, "champion", 1 - sum(challenger.share for challenger in challengers)),
            *(_model_document(challenger.model, "challenger", challenger.share) for challenger in challengers),
        ],
    }


def _model_document(model: ModelVersion, arm: str, share: float) -> dict[str, Any]:
    return {
        "version": model.version,
        "family": model.family,
        "digest": model.digest,
        "arm": arm,
        "share": round(share, 9),
    }
