"""The control records that the registry writes. Their ids follow from what they say."""

from __future__ import annotations

from penstock.contracts.declaration import Declaration
from penstock.contracts.governance import Command
from penstock.contracts.ids import derived_id, digest_of
from penstock.contracts.models import ModelEpoch, ModelVersion
from penstock.contracts.monitoring import Alert
from penstock.contracts.streams import StreamDeclared
from penstock.contracts.training import TrainingRun
from penstock.registry.changes import Occasion

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
    stream: str, epoch: int, champion: ModelVersion, reason: str, detail: str, occasion: Occasion
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
