"""What the records on the log say about one stream, as far as retraining depends on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from penstock.contracts.declaration.model_lifecycle import GatesDeclaration, ModelsDeclaration
from penstock.contracts.first_by_offset import FirstByOffset
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import HOLDOUT_DETECTOR, Drift, Statistics
from penstock.contracts.records.streams import Pause, StreamDeclared
from penstock.contracts.records.training import Evaluation, TrainingRequest, TrainingRun
from penstock.retrain_trigger.outcome_block import OutcomeBlock

StreamRecord = Statistics | Drift | TrainingRequest | TrainingRun | Command | ModelEpoch | StreamDeclared | Decision

KEPT_BLOCKS = 5000
FEATURE_KINDS = frozenset({"feature", "missing", "category", "range", "rows"})  # of a drift: what events hold


@dataclass(frozen=True)
class RunResult:
    """How a training run ended. It is kept without the signed candidate, which may be large."""

    status: str
    time: datetime
    learnt_from: int
    rows: int
    cpu_seconds: float
    schema_version: int | None
    evaluation: Evaluation | None

    @classmethod
    def of(cls, run: TrainingRun) -> RunResult:
        """The result in the record of a run that has ended."""
        rows, version = (run.dataset.rows, run.dataset.schema_version) if run.dataset else (0, None)
        return cls(run.status, run.time, run.learnt_from, rows, run.cpu_seconds, version, run.evaluation)


@dataclass(frozen=True)
class Tenure:
    """A champion's time: the newest epoch, its champion's `version`, and the first epoch of these in a row.

    `request` is the id of the training request that the version is from, None for the baseline.
    """

    epoch: int = -1
    version: int = -1
    since: int = 0
    request: str | None = None

    def followed_by(self, record: ModelEpoch) -> Tenure:
        """The time that a newer epoch belongs to."""
        version = record.champion.version
        since = self.since if version == self.version else record.epoch
        return Tenure(record.epoch, version, since, record.champion.run)


@dataclass
class StreamState:
    """The state of one stream, folded from the records of several topics.

    The topics may interleave in any way and records may come again: the same records, each topic in its own order,
    always give the same state. So it holds nothing but maxima, and records by their own id or fence.

    `requests` are by fence, `results` and `decisions` by the id of the training request, `blocks` by their first
    offset, `declarations` by version, `pauses` with their record's time by its order; `first_epochs` are the first
    epoch of each request's model as champion. `tenure` is the newest epoch, its champion's version, and the first of
    the epochs in a row that it has been champion in.
    """

    newest_report: Statistics | Drift | None = None
    blocks: dict[int, OutcomeBlock] = field(default_factory=dict)
    drifts: FirstByOffset[str, Drift] = field(default_factory=FirstByOffset)
    feature_drifts: FirstByOffset[str, Drift] = field(default_factory=FirstByOffset)
    shortfalls: FirstByOffset[int, Drift] = field(default_factory=FirstByOffset)
    commands: FirstByOffset[str, Command] = field(default_factory=FirstByOffset)
    import_command: Command | None = None
    requests: FirstByOffset[int, TrainingRequest] = field(default_factory=FirstByOffset)
    results: FirstByOffset[str, RunResult] = field(default_factory=FirstByOffset)
    first_epochs: dict[str, int] = field(default_factory=dict)
    tenure: Tenure = Tenure()
    declarations: FirstByOffset[int, StreamDeclared] = field(default_factory=FirstByOffset)
    pauses: FirstByOffset[tuple[int, int], tuple[datetime, Pause | None]] = field(default_factory=FirstByOffset)
    newest_decision: Decision | None = None
    decisions: FirstByOffset[str, Decision] = field(default_factory=FirstByOffset)

    def apply(self, record: StreamRecord) -> None:
        """Fold one record in."""
        match record:
            case Statistics():
                self._count_outcomes(record)
                self._keep_block(OutcomeBlock.of(record))
            case Drift():
                self._count_outcomes(record)
                self._keep_drift(record)
            case Command(kind="imported"):
                self.import_command = max(self.import_command or record, record, key=_import_rank)
            case Command():
                self.commands.add(record.id, record)
            case TrainingRequest():
                self.requests.add(record.fence, record)
            case TrainingRun() if record.status != "started":
                self.results.add(record.request, RunResult.of(record))
            case ModelEpoch():
                self._keep_epoch(record)
            case StreamDeclared():
                self.declarations.add(record.version, record)
                self.pauses.add(record.order, (record.time, record.pause))
            case Decision():
                self._keep_decision(record)

    def _count_outcomes(self, report: Statistics | Drift) -> None:
        self.newest_report = report if self.newest_report is None else max(self.newest_report, report, key=_rank)

    def _keep_block(self, block: OutcomeBlock) -> None:
        self.blocks[block.start] = max(self.blocks.get(block.start, block), block, key=attrgetter("maturity"))
        if len(self.blocks) > KEPT_BLOCKS:
            del self.blocks[min(self.blocks)]

    def _keep_drift(self, drift: Drift) -> None:
        """A shortfall is no change of the stream: models do not begin to learn there."""
        if drift.detector == HOLDOUT_DETECTOR:
            self.shortfalls.add(drift.epoch, drift)
        elif drift.status == "confirmed":
            self.drifts.add(drift.id, drift)
        elif drift.kind in FEATURE_KINDS:
            self.feature_drifts.add(drift.id, drift)

    def _keep_epoch(self, record: ModelEpoch) -> None:
        if record.epoch > self.tenure.epoch:
            self.tenure = self.tenure.followed_by(record)
        request = record.champion.run
        if request is not None:
            self.first_epochs[request] = min(record.epoch, self.first_epochs.get(request, record.epoch))

    def _keep_decision(self, decision: Decision) -> None:
        if self.newest_decision is None or decision.number > self.newest_decision.number:
            self.newest_decision = decision
        if decision.request is not None:
            self.decisions.add(decision.request, decision)

    @property
    def outcome_report(self) -> Statistics | Drift | Command | None:
        """The record that states the highest number of outcomes."""
        reports = [record for record in (self.newest_report, self.import_command) if record is not None]
        return max(reports, key=outcomes_at, default=None)

    @property
    def outcomes(self) -> int:
        """How many outcomes the stream has had so far, imported ones included."""
        return 0 if self.outcome_report is None else outcomes_at(self.outcome_report)

    @property
    def last_request(self) -> TrainingRequest | None:
        """The newest training request."""
        return self.requests[max(self.requests)] if self.requests else None

    @property
    def last_training(self) -> TrainingRequest | None:
        """The newest request that spaces the next ones; None before the first training.

        A push does not, and neither does one that a shortfall led to and that changed nothing: it comes when there is
        little of what is new.
        """
        spacing = [request for request in self.trainings if not self._changed_nothing(request)]
        return spacing[-1] if spacing else next(reversed(self.trainings), None)

    @property
    def trainings(self) -> list[TrainingRequest]:
        """The requests by which something is trained, the oldest first."""
        requests = (self.requests[fence] for fence in sorted(self.requests))
        return [request for request in requests if request.push is None]

    def _changed_nothing(self, request: TrainingRequest) -> bool:
        if request.shortfall is None or request.id not in self.results or request.id in self.first_epochs:
            return False
        cause = self.shortfalls.get(request.shortfall)
        return cause is not None and cause.id == request.cause

    @property
    def trained_until(self) -> int:
        """The outcome at which the data of the last training ended, 0 before the first."""
        return 0 if self.last_training is None else self.last_training.until

    @property
    def trained_from(self) -> int:
        """The offset of the first outcome that the last training learnt from."""
        result = self.results.get(self.last_training.id) if self.last_training else None
        return result.learnt_from if result else 0

    @property
    def new_outcomes(self) -> int:
        """How many outcomes came after the data of the last training."""
        return self.outcomes - self.trained_until

    @property
    def champion_until(self) -> int | None:
        """The outcome at which the champion's data ended, or at which it was judged; None for the baseline."""
        return None if self._champion_request is None else self._champion_request.until

    @property
    def aging_since(self) -> int | None:
        """The outcome from which on the champion grows old; None for the baseline.

        Of a push nobody knows what it has learnt, or forgets: there it is the end of the last training's data, as if
        that model served.
        """
        request = self._champion_request
        return self.trained_until if request is not None and request.push is not None else self.champion_until

    @property
    def _champion_request(self) -> TrainingRequest | None:
        return next((request for request in self.requests.values() if request.id == self.tenure.request), None)

    @property
    def families(self) -> tuple[str, ...]:
        """The families that compete, by the newest declaration; the usual ones before it is read."""
        newest = (
            self.declarations[max(self.declarations)].declaration.models if self.declarations else ModelsDeclaration()
        )
        return newest.families

    @property
    def run_under_way(self) -> bool:
        """Whether the last request has no result yet."""
        return self.last_request is not None and self.last_request.id not in self.results

    def changes(self, of_features: bool) -> list[Drift]:
        """The confirmed drifts, the oldest first, but for those whose outcomes the first training has learnt from.

        With those of what events hold, if they count as changes of the stream.
        """
        first_until = next((request.until for request in self.trainings), 0)
        drifts = [*self.drifts.values(), *(self.feature_drifts.values() if of_features else ())]
        return sorted((drift for drift in drifts if drift.outcomes > first_until), key=_rank)

    def open_drift(self, of_features: bool) -> Drift | None:
        """The first of these changes that no request has answered.

        It stays open until a request names it, or a later one, as its `since`, whatever else was trained meanwhile.
        """
        answered = max([request.since or 0 for request in self.requests.values()], default=0)
        return next((drift for drift in self.changes(of_features) if drift.outcomes > answered), None)

    @property
    def shortfall(self) -> Drift | None:
        """The shortfall of the champion, whether a request has answered it or not."""
        newest = self.shortfalls[max(self.shortfalls)] if self.shortfalls else None
        return newest if newest is not None and newest.epoch >= self.tenure.since else None

    @property
    def open_shortfall(self) -> Drift | None:
        """The shortfall of the champion, unless a request has answered it."""
        answered = (request.shortfall for request in self.requests.values() if request.shortfall is not None)
        return self.shortfall if max(answered, default=-1) < self.tenure.since else None

    @property
    def open_command(self) -> Command | None:
        """The newest command to retrain, unless a request has answered it and with it all commands before."""
        newest = next((one for one in reversed([*self.commands.values()]) if one.push is None), None)
        return None if newest is None or self._is_answered(newest) else newest

    @property
    def open_push(self) -> Command | None:
        """The oldest push that no request has answered: each is judged."""
        pushes = (command for command in self.commands.values() if command.push is not None)
        return next((command for command in pushes if not self._is_answered(command)), None)

    def _is_answered(self, command: Command) -> bool:
        return any(request.cause == command.id for request in self.requests.values())

    @property
    def unlearnt_outcomes(self) -> int:
        """How many outcomes came after the champion's data: what another model can be compared with it on."""
        return self.outcomes - (self.champion_until or 0)

    @property
    def holdout(self) -> int:
        """The fewest rows that a model is judged on, by the newest declaration; the usual ones before it is read."""
        newest = self.declarations[max(self.declarations)].declaration.gates if self.declarations else None
        return (newest or GatesDeclaration()).holdout

    def ended_runs(self) -> list[tuple[TrainingRequest, RunResult]]:
        """The requests whose trainings have ended, and their results, the oldest first."""
        return [(request, self.results[request.id]) for request in self.trainings if request.id in self.results]

    def ordered_blocks(self) -> list[OutcomeBlock]:
        """The outcome blocks that are kept, by offset."""
        return [self.blocks[start] for start in sorted(self.blocks)]


def outcomes_at(record: Statistics | Drift | Command) -> int:
    """How many outcomes the stream had when the record was written."""
    return record.stop if isinstance(record, Statistics) else record.outcomes


def _rank(record: Statistics | Drift) -> tuple[int, float, str]:
    """A total order, so that the order of arrival does not matter."""
    return outcomes_at(record), record.time.timestamp(), record.id


def _import_rank(command: Command) -> tuple[int, float, str]:
    return command.outcomes, command.time.timestamp(), command.id
