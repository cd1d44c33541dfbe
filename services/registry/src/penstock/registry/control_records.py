"""The control records that the registry writes. Their ids follow from their content, so a repeat writes the same."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import blake2b_digest, derived_id
from penstock.contracts.records.governance import Command
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.models import ModelEpoch, ModelVersion, RolloutStep
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.pushes import Push
from penstock.contracts.records.streams import Deletion, Pause, StreamDeclared
from penstock.contracts.records.training import Skew, TrainingRun
from penstock.registry.command_context import Provenance
from penstock.registry.training_news import KEPT_BACK_RUNS

SOURCE = "penstock/registry"


@dataclass(frozen=True)
class Installation:
    """What an epoch installs: the champion, challengers if a rollout is under way, and why."""

    champion: ModelVersion
    reason: str
    detail: str = ""
    rollout: RolloutStep | None = None


def digest_of_declaration(declaration: Declaration) -> str:
    """Two declarations of one digest are the same, order of fields and classes included (see `in_order_of`)."""
    return blake2b_digest(declaration.model_dump_json().encode()).hex()


def stream_declared(
    declaration: Declaration, version: int, provenance: Provenance, pause: Pause | None = None
) -> StreamDeclared:
    """The record of a declaration, for `streams`; a stream that is paused stays so under another one."""
    return StreamDeclared(
        source=SOURCE,
        id=derived_id("stream", declaration.name, version, digest_of_declaration(declaration)),
        time=provenance.time,
        cause=provenance.cause,
        version=version,
        declaration=declaration,
        pause=pause,
    )


def stream_state(
    before: StreamDeclared, pause: Pause | None, provenance: Provenance, deletion: Deletion | None = None
) -> StreamDeclared:
    """The record of a stream that is paused, goes on or is deleted, under the same declaration, for `streams`."""
    revision = before.revision + 1
    digest = digest_of_declaration(before.declaration)
    return StreamDeclared(
        source=SOURCE,
        id=derived_id("stream", before.name, before.version, digest, revision),
        time=provenance.time,
        cause=provenance.cause,
        version=before.version,
        declaration=before.declaration,
        revision=revision,
        pause=pause,
        deletion=deletion,
    )


def model_epoch(
    epoch: int, installation: Installation, provenance: Provenance, holdout: LossMoments | None = None
) -> ModelEpoch:
    """The record of an epoch, for `models`; `holdout` are the champion's losses on its holdout, if it had one."""
    champion = installation.champion
    fields = {
        "source": SOURCE,
        "id": derived_id("epoch", champion.name, epoch, champion.digest),
        "time": provenance.time,
        "cause": provenance.cause,
        "stream": champion.name,
        "epoch": epoch,
        "champion": champion,
        "reason": installation.reason,
        "detail": installation.detail,
        "rollout": installation.rollout,
        "holdout": holdout,
    }
    return ModelEpoch.model_validate(fields)


def retrain_command(stream: str, number: int, detail: str, provenance: Provenance) -> Command:
    """The command to train a stream, for `commands`; `number` makes its id differ from earlier ones."""
    return Command(
        source=SOURCE,
        id=derived_id("command", stream, number),
        time=provenance.time,
        cause=provenance.cause,
        kind="retrain",
        stream=stream,
        by=provenance.actor,
        detail=detail,
    )


def push_command(stream: str, number: int, push: Push, provenance: Provenance) -> Command:
    """The command to judge a model that a person made; `number` makes its id differ from earlier ones."""
    command = retrain_command(stream, number, push.notes[:200], provenance)
    return command.model_copy(update={"push": push.model_copy(update={"by": provenance.actor})})


def history_imported_command(stream: str, outcomes: int, detail: str, provenance: Provenance) -> Command:
    """States on `commands` that history was imported: `outcomes` is the stream's count with it, and makes the id."""
    return Command(
        source=SOURCE,
        id=derived_id("imported", stream, outcomes),
        time=provenance.time,
        cause=provenance.cause,
        kind="imported",
        stream=stream,
        by=provenance.actor,
        detail=detail,
        outcomes=outcomes,
    )


def taken_back_alert(stream: str, rollout: str, version: int | None, reason: str, provenance: Provenance) -> Alert:
    """Alerts people that a challenger was taken back; `rollout` is the rollout's id."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "taken-back", rollout),
        time=provenance.time,
        cause=provenance.cause,
        severity="warning",
        subject="taken-back",
        message=f"the challenger was taken back: {reason}",
        stream=stream,
        version=version,
        kind=AlertKind.ROLLOUT,
        key=alert_key(AlertKind.ROLLOUT, stream),
    )


def proposal_alert(stream: str, number: int, version: int, text: str, provenance: Provenance) -> Alert:
    """Tells people that a proposal waits for them; `number` is the proposal's."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "proposal", stream, number),
        time=provenance.time,
        cause=provenance.cause,
        severity="info",
        subject="proposal",
        message=f"proposal {number} waits: {text}; see: penstock proposals {stream}",
        stream=stream,
        version=version,
        kind=AlertKind.PROPOSAL,
        key=alert_key(AlertKind.PROPOSAL, stream),
    )


def ended_alert(alert: Alert, provenance: Provenance) -> Alert:
    """Tells people that a matter is over, since its stream was deleted."""
    news = {
        "source": SOURCE,
        "id": derived_id("alert", "deleted", alert.id),
        "time": provenance.time,
        "cause": provenance.cause,
        "severity": "info",
        "message": "the stream was deleted",
        "state": "resolved",
    }
    return alert.model_copy(update=news)


def returned_alert(run: TrainingRun, version: int, reason: str) -> Alert:
    """Alerts people that an earlier model serves again instead of `version`."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "returned", run.id),
        time=run.time,
        cause=run.id,
        severity="warning",
        subject="returned",
        message=f"an earlier model serves again: {reason}",
        stream=run.stream,
        version=version,
        kind=AlertKind.RETURN,
        key=alert_key(AlertKind.RETURN, run.stream),
    )


def skew_alert(run: TrainingRun, skew: Skew, *, is_over: bool) -> Alert:
    """Alerts people that predictions were made from other lag features than the log gives, or no longer are."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "skew", run.id),
        time=run.time,
        cause=run.id,
        severity="warning",
        subject="training-serving-skew",
        message=f"{skew.differing} of {skew.rows} answers were made from other known labels than the log gives",
        stream=run.stream,
        kind=AlertKind.SKEW,
        key=alert_key(AlertKind.SKEW, run.stream),
        state="resolved" if is_over else "firing",
    )


def training_failed_alert(run: TrainingRun, *, is_over: bool) -> Alert:
    """Alerts people that a training failed, or that one ended well after one that failed."""
    what = "a training ended well again" if is_over else f"the training {run.request} failed: {run.failure}"
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "training-failed", run.id),
        time=run.time,
        cause=run.id,
        severity="warning",
        subject="training-failed",
        message=what,
        stream=run.stream,
        kind=AlertKind.TRAINING_FAILED,
        key=alert_key(AlertKind.TRAINING_FAILED, run.stream),
        state="resolved" if is_over else "firing",
    )


def kept_back_alert(run: TrainingRun, *, is_over: bool) -> Alert:
    """Tells people that candidates are kept back again and again, or that one passed the gates after them."""
    passed = "a candidate passed the gates again"
    kept = f"{KEPT_BACK_RUNS} candidates in a row were kept back; penstock ledger {run.stream} shows by what"
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "kept-back", run.id),
        time=run.time,
        cause=run.id,
        severity="info",
        subject="kept-back",
        message=passed if is_over else kept,
        stream=run.stream,
        kind=AlertKind.KEPT_BACK,
        key=alert_key(AlertKind.KEPT_BACK, run.stream),
        state="resolved" if is_over else "firing",
    )


def run_refused_alert(run: TrainingRun, reason: str) -> Alert:
    """Alerts people that the model of a finished run was refused."""
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "run-refused", run.id),
        time=run.time,
        cause=run.id,
        severity="critical",
        subject=f"{run.stream}@{run.request}",
        message=f"the model of this run was refused: {reason}",
        stream=run.stream,
        kind=AlertKind.MODEL_REFUSED,
        key=alert_key(AlertKind.MODEL_REFUSED, run.stream),
    )
