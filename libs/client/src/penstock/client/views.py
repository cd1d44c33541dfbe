"""What the registry and ingestion show, and what came of a command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from penstock.client.records import Record, html_table


class StreamView(Record, frozen=True):
    """A stream: the version of its declaration, its epoch and the version of its champion.

    `hold` is there since a person's rollback that they have not lifted, `pause` while a person has paused the stream:
    nothing changes by itself. `deletion` is there once a person has deleted it.
    """

    name: str
    version: int
    epoch: int
    champion: int
    hold: dict[str, Any] | None
    declaration: dict[str, Any]
    pause: dict[str, Any] | None = None
    deletion: dict[str, Any] | None = None


class CommandResult(Record, frozen=True):
    """The stream after a command, which was `created`, `unchanged`, `promoted` and so on.

    `command` is the id of the record that was sent to another service, `put_back` the mode of the rollout that a
    rollback put back, if it did.
    """

    stream: str
    status: str
    schema_version: int | None = None
    epoch: int | None = None
    model: int | None = None
    command: str | None = None
    put_back: str | None = None


class MetricValue(Record, frozen=True):
    """A metric and its 95 % interval from `low` to `high`, None where there are too few cases for one."""

    value: float
    low: float | None = None
    high: float | None = None


class Figures(Record, frozen=True):
    """What is known of some answers: how many have labels, and what they score.

    `first_event` and `last_event` are event times, `first_arrival` and `last_arrival` when outcomes came. `estimate` is
    the score that all answers are expected to have, without their labels.
    """

    answers: int
    labelled: int
    expired: int
    coverage: float | None
    first_event: datetime | None
    last_event: datetime | None
    first_arrival: datetime | None
    last_arrival: datetime | None
    metrics: dict[str, MetricValue]
    estimate: float | None = None


class Window(Figures, frozen=True, kw_only=True):
    """The figures of consecutive answers; `clock` is `matured` or `provisional`."""

    clock: str


class GroupFigures(Record, frozen=True):
    """The figures of the answers with these values, one for each field that they are grouped by."""

    values: tuple[str, ...]
    matured: Figures
    provisional: Figures


class QualityReport(Record, frozen=True):
    """How good a stream's newest answers are, on two clocks.

    Answers to events up to `matured_until` have almost all labels, later ones are `provisional`. `metric` is what
    estimates are of, and `estimate_error` how far those of matured windows were off. Of answers to events earlier than
    `complete_from` only those are known whose outcome is new.
    """

    stream: str
    metric: str
    label_horizon: float
    label_lateness: float | None
    matured_until: datetime | None
    complete_from: datetime | None
    estimate_error: float | None
    matured: Figures
    provisional: Figures
    windows: tuple[Window, ...]
    by: tuple[str, ...]
    groups: tuple[GroupFigures, ...]

    def _repr_html_(self) -> str:
        lines = [("matured", self.matured), ("provisional", self.provisional)]
        lines += [(f"window, {window.clock}", window) for window in self.windows]
        for group in self.groups:
            named = ", ".join(group.values)
            lines += [(f"{named}, matured", group.matured), (f"{named}, provisional", group.provisional)]
        metrics = list(dict.fromkeys(name for _, figures in lines for name in figures.metrics))
        return html_table(
            ("", "answers", "labelled", "coverage", *metrics, "estimate", "first event", "last event"),
            [(name, *_cells(figures, metrics)) for name, figures in lines],
        )


def _cells(figures: Figures, metrics: Sequence[str]) -> list[object]:
    values = [figures.metrics[name].value if name in figures.metrics else None for name in metrics]
    known = [figures.answers, figures.labelled, figures.coverage]
    return [*known, *values, figures.estimate, figures.first_event, figures.last_event]


class Arm(Record, frozen=True):
    """A model in a rollout: its share, its outcomes in this step, and their mean loss."""

    version: int
    share: float
    outcomes: int
    mean: float
    pairs: int = 0
    difference: float = 0.0


class Rollout(Record, frozen=True):
    """The newest rollout of a stream; `state` is `running`, `paused` or `ended`.

    `low` to `high` is a confidence sequence of the challenger's mean loss less the champion's.
    """

    id: str
    mode: str
    state: str
    step: int
    steps: int
    detail: str
    outcomes: int
    arms: tuple[Arm, ...]
    low: float | None
    high: float | None
    loss: str
    paired: bool
    tolerated: float | None
    expected: int | None


class Proposal(Record, frozen=True):
    """A proposal to let `version` serve in place of `champion`, and why it `waits` for a person.

    `state` is `waiting`, `stale`, `approved`, `declined` or `superseded`; `action` is what approving it does.
    """

    proposal: int
    stream: str
    state: str
    action: str
    version: int
    champion: int
    epoch: int
    waits: str
    evidence: dict[str, Any]
    made: datetime
    decided: datetime | None
    decided_by: str | None
    reason: str | None


class Alert(Record, frozen=True):
    """Something that a person may want to act on; alerts of one `key` are news of the same matter."""

    id: str
    time: datetime
    severity: str
    subject: str
    message: str
    stream: str | None = None
    version: int | None = None
    kind: str | None = None
    key: str | None = None
    state: str = "firing"


class ModelVersion(Record, frozen=True):
    """A registered model; `digest` is the artifact that holds its package, `run` the training run that made it."""

    name: str
    version: int
    family: str
    digest: str
    schema_version: int
    run: str | None = None


class RegisteredModel(Record, frozen=True):
    """A registered model, whether the gates let it through, and whether it serves."""

    model: ModelVersion
    registered: datetime
    passed: bool
    archived: bool
    serving: bool


class Epoch(Record, frozen=True):
    """From this epoch on `champion` answers; `trial` is the step of a rollout, if there is one."""

    epoch: int
    time: datetime
    champion: ModelVersion
    reason: str
    detail: str = ""
    trial: dict[str, Any] | None = None


class TrainingRun(Record, frozen=True):
    """The record of a training run, and that of the decision on its candidate."""

    run: dict[str, Any]
    decision: dict[str, Any] | None


class Answer(Record, frozen=True):
    """What became of an event: `predicted` or `rejected`, with the prediction's or the rejection's record."""

    id: str
    source: str
    status: str
    prediction: dict[str, Any] | None = None
    rejection: dict[str, Any] | None = None
