"""The control records that the registry writes. Their ids follow from what they say."""

from __future__ import annotations

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import derived_id, digest_of
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch, ModelVersion, RolloutStep
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import Skew, TrainingRun
from penstock.registry.command_results import Occasion

SOURCE = "penstock/registry"


def digest_of_declaration(declaration: Declaration) -> str:
    """Two declarations of one digest are the same, order of the fields included."""
    return digest_of(declaration.model_dump_json().encode()).hex()


def stream_declared(declaration: Declaration, version: int, occasion: Occasion) -> StreamDeclared:
    """The declaration as it goes on `streams`."""
    return StreamDeclared(
        source=SOURCE,
        id=derived_id("stream", declaration.name, version, digest_of_declaration(declaration)),
        time=occasion.time,
        cause=occasion.cause,
        version=version,
        declaration=declaration,
    )


def model_epoch(
    stream: str,
    epoch: int,
    champion: ModelVersion,
    reason: str,
    detail: str,
    occasion: Occasion,
    trial: RolloutStep | None = None,
) -> ModelEpoch:
    """The epoch as it goes on `models`."""
    fields = {
        "source": SOURCE,
        "id": derived_id("epoch", stream, epoch, champion.digest),
        "time": occasion.time,
        "cause": occasion.cause,
        "stream": stream,
        "epoch": epoch,
        "champion": champion,
        "reason": reason,
        "detail": detail,
        "rollout": trial,
    }
    return ModelEpoch.model_validate(fields)


def retrain_command(stream: str, number: int, detail: str, occasion: Occasion) -> Command:
    """The command as it goes on `commands`; `number` tells the stream's commands apart."""
    return Command(
        source=SOURCE,
        id=derived_id("command", stream, number),
        time=occasion.time,
        cause=occasion.cause,
        kind="retrain",
        stream=stream,
        by=occasion.actor,
        detail=detail,
    )


def rollout_alert(stream: str, rollout: str, version: int | None, why: str, occasion: Occasion) -> Alert:
    """Tells people that a challenger was taken back."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "taken-back", rollout),
        time=occasion.time,
        cause=occasion.cause,
        severity="warning",
        subject="taken-back",
        message=f"the challenger was taken back: {why}",
        stream=stream,
        version=version,
    )


def imported_command(stream: str, outcomes: int, detail: str, occasion: Occasion) -> Command:
    """Says on `commands` that history was imported, with which the stream has so many outcomes; once for each number."""
    return Command(
        source=SOURCE,
        id=derived_id("imported", stream, outcomes),
        time=occasion.time,
        cause=occasion.cause,
        kind="imported",
        stream=stream,
        by=occasion.actor,
        detail=detail,
        outcomes=outcomes,
    )


def skew_alert(run: TrainingRun, skew: Skew) -> Alert:
    """Tells people that answers were made from other features than the log gives."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "skew", run.id),
        time=run.time,
        cause=run.id,
        severity="warning",
        subject="training-serving-skew",
        message=f"{skew.differing} of {skew.rows} answers were made from other known labels than the log gives",
        stream=run.stream,
    )


def refusal_alert(run: TrainingRun, complaint: str) -> Alert:
    """Tells people that a finished run's model was not taken in."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "run-refused", run.id),
        time=run.time,
        cause=run.id,
        severity="critical",
        subject=f"{run.stream}@{run.request}",
        message=f"the model of this run was refused: {complaint}",
        stream=run.stream,
    )
