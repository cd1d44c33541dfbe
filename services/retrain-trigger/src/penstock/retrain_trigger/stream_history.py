"""What the log says of one stream, as far as it bears on retraining."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import Evaluation, TrainingRequest, TrainingRun

Said = Statistics | Drift | TrainingRequest | TrainingRun | Command | ModelEpoch | StreamDeclared | Decision

BLOCKS_KEPT = 5000


@dataclass(frozen=True)
class End:
    """How a run ended. It is kept without its signed candidate, which may be large."""

    status: str
    time: datetime
    learnt_from: int
    rows: int
    cpu_seconds: float
    schema_version: int | None
    evaluation: Evaluation | None

    @classmethod
    def of(cls, run: TrainingRun) -> End:
        """The end that the record tells of."""
        rows, version = (run.dataset.rows, run.dataset.schema_version) if run.dataset else (0, None)
        return cls(run.status, run.time, run.learnt_from, rows, run.cpu_seconds, version, run.evaluation)


@dataclass
class Memory:
    """A fold over topics that is a function of what each of them holds.

    Topics may interleave in any way and records may come more than once: the same records, each topic in its own
    order, always fold to the same memory. So nothing is kept but maxima, and what is keyed by its own id or fence.
    """

    newest: Statistics | Drift | None = None
    blocks: dict[int, Statistics] = field(default_factory=dict)
    drifts: dict[str, Drift] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    imported: Command | None = None
    requests: dict[int, TrainingRequest] = field(default_factory=dict)
    ended: dict[str, End] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    declared: dict[int, StreamDeclared] = field(default_factory=dict)
    decided: Decision | None = None
    answers: dict[str, Decision] = field(default_factory=dict)

    def apply(self, record: Said) -> None:
        """Take in one record."""
        match record:
            case Statistics():
                self._count(record)
                self._keep(record)
            case Drift():
                self._count(record)
                if record.status == "confirmed":
                    self.drifts.setdefault(record.id, record)
            case Command(kind="imported"):
                known = self.imported or record
                self.imported = max(known, record, key=lambda one: (one.outcomes, one.time.timestamp(), one.id))
            case Command():
                self.commands.setdefault(record.id, record)
            case TrainingRequest():
                self.requests.setdefault(record.fence, record)  # the first by offset wins
            case TrainingRun() if record.status != "started":
                self.ended.setdefault(record.request, End.of(record))
            case ModelEpoch() if record.champion.run is not None:
                run = record.champion.run
                self.served[run] = min(record.epoch, self.served.get(run, record.epoch))
            case StreamDeclared():
                self.declared.setdefault(record.version, record)
            case Decision():
                self._note(record)

    def _count(self, record: Statistics | Drift) -> None:
        self.newest = record if self.newest is None else max(self.newest, record, key=_rank)

    def _keep(self, block: Statistics) -> None:
        known = self.blocks.get(block.start, block)
        self.blocks[block.start] = max(known, block, key=_maturity)
        if len(self.blocks) > BLOCKS_KEPT:
            del self.blocks[min(self.blocks)]

    def _note(self, decision: Decision) -> None:
        if self.decided is None or decision.number > self.decided.number:
            self.decided = decision
        if decision.request is not None:
            self.answers.setdefault(decision.request, decision)

    @property
    def outcomes(self) -> int:
        """How many outcomes the stream has had so far, imported ones included."""
        return 0 if self.occasion is None else outcomes_by(self.occasion)

    @property
    def occasion(self) -> Statistics | Drift | Command | None:
        """The record that says how many outcomes there are."""
        told = [record for record in (self.newest, self.imported) if record is not None]
        return max(told, key=outcomes_by, default=None)

    @property
    def last(self) -> TrainingRequest | None:
        """The newest request."""
        return self.requests[max(self.requests)] if self.requests else None

    @property
    def until(self) -> int:
        """Where the data of the last request ended, 0 before the first."""
        return 0 if self.last is None else self.last.until

    @property
    def fresh(self) -> int:
        """How many outcomes came since."""
        return self.outcomes - self.until

    @property
    def training(self) -> bool:
        """Whether a request still waits for the end of its run."""
        return self.last is not None and self.last.id not in self.ended

    @property
    def learnt_from(self) -> int:
        """The offset from which on the last training learnt."""
        end = self.ended.get(self.last.id) if self.last else None
        return end.learnt_from if end else 0

    @property
    def change(self) -> Drift | None:
        """The first confirmed drift that no request has named: however many followed, the world changed there.

        What drifted before the first request ended is learnt by it; a later drift stays until one names it, or a
        later one, as its `since`, whatever else was trained meanwhile.
        """
        answered = max([request.since or 0 for request in self.requests.values()], default=0)
        learnt = self.requests[min(self.requests)].until if self.requests else 0
        pending = [drift for drift in self.drifts.values() if drift.outcomes > max(answered, learnt)]
        return min(pending, key=_rank, default=None)

    @property
    def asked(self) -> Command | None:
        """The newest command, if no request has answered it yet. It speaks for those before it too."""
        if not self.commands:
            return None
        command = next(reversed(self.commands.values()))
        answered = any(request.cause == command.id for request in self.requests.values())
        return None if answered else command

    def past(self) -> list[tuple[TrainingRequest, End]]:
        """The requests whose runs have ended, and how, the oldest first."""
        ordered = (self.requests[fence] for fence in sorted(self.requests))
        return [(request, self.ended[request.id]) for request in ordered if request.id in self.ended]

    def newest_blocks(self) -> list[Statistics]:
        """The statistics that are kept, by offset."""
        return [self.blocks[start] for start in sorted(self.blocks)]


def outcomes_by(record: Statistics | Drift | Command) -> int:
    """How many outcomes the stream had when the record was made."""
    return record.stop if isinstance(record, Statistics) else record.outcomes


def _maturity(block: Statistics) -> tuple[bool, int, str]:
    """What is matured counts rather than what was provisional, and the newest correction of it."""
    return block.clock == "matured", block.revised, block.id


def _rank(record: Statistics | Drift) -> tuple[int, float, str]:
    """Total, so that it does not matter which of two equals came first."""
    return outcomes_by(record), record.time.timestamp(), record.id
