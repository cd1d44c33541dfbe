"""What the log says of one stream, as far as it bears on retraining."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.contracts.governance import Command
from penstock.contracts.monitoring import Drift, Statistics
from penstock.contracts.training import TrainingRequest, TrainingRun

Said = Statistics | Drift | TrainingRequest | TrainingRun | Command


@dataclass
class Memory:
    """A fold over five topics that is a function of what each of them holds.

    Topics may interleave in any way and records may come more than once: the same records, each topic in its own
    order, always fold to the same memory. So nothing is kept but maxima, and what is keyed by its own id or fence.
    """

    newest: Statistics | Drift | None = None
    drifts: dict[str, Drift] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    requests: dict[int, TrainingRequest] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    def apply(self, record: Said) -> None:
        """Take in one record."""
        match record:
            case Statistics():
                self._count(record)
            case Drift():
                self._count(record)
                if record.status == "confirmed":
                    self.drifts.setdefault(record.id, record)
            case Command():
                self.commands.setdefault(record.id, record)
            case TrainingRequest():
                self.requests.setdefault(record.fence, record)  # the first by offset wins
            case TrainingRun() if record.status != "started":
                self.ended.setdefault(record.request, record.learnt_from)

    def _count(self, record: Statistics | Drift) -> None:
        self.newest = record if self.newest is None else max(self.newest, record, key=_rank)

    @property
    def outcomes(self) -> int:
        """How many outcomes the stream has had so far."""
        return 0 if self.newest is None else outcomes_by(self.newest)

    @property
    def last(self) -> TrainingRequest | None:
        """The newest request."""
        return self.requests[max(self.requests)] if self.requests else None

    @property
    def training(self) -> bool:
        """Whether a request still waits for the end of its run."""
        return self.last is not None and self.last.id not in self.ended

    @property
    def learnt_from(self) -> int:
        """The offset from which on the last training learnt."""
        return self.ended.get(self.last.id, 0) if self.last else 0

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


def outcomes_by(record: Statistics | Drift) -> int:
    """How many outcomes the stream had when the record was made."""
    return record.stop if isinstance(record, Statistics) else record.outcomes


def _rank(record: Statistics | Drift) -> tuple[int, float, str]:
    """Total, so that it does not matter which of two equals came first."""
    return outcomes_by(record), record.time.timestamp(), record.id
