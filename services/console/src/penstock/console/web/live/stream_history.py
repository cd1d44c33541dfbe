"""What the log says of one stream, as far as pages show it; of what grows, the newest is kept."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

from penstock.console.web.live.score_block import ScoreBlock
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert, Drift, Statistics
from penstock.contracts.records.streams import StreamDeclared
from penstock.retrain_trigger.stream_state import StreamState

KEPT_BLOCKS = 2000
KEPT_STATISTICS = 50  # blocks whose statistics are kept whole: their slices and arms are shown
KEPT_RECORDS = 500
KEPT_EPOCHS = 5000

K = TypeVar("K")
V = TypeVar("V")


@dataclass
class StreamHistory:
    """One stream. `revision` rises with each record that is taken in.

    `training` is folded as the retrain trigger folds it, so the ledger is the trigger's own.
    """

    declared: StreamDeclared | None = None
    revision: int = 0
    epochs: dict[int, ModelEpoch] = field(default_factory=dict)
    blocks: dict[int, ScoreBlock] = field(default_factory=dict)
    statistics: dict[int, Statistics] = field(default_factory=dict)
    drifts: deque[Drift] = field(default_factory=lambda: deque(maxlen=KEPT_RECORDS))
    alerts: dict[str, Alert] = field(default_factory=dict)
    training: StreamState = field(default_factory=StreamState)

    def apply(self, record: ControlRecord) -> None:
        """Take in one record of this stream."""
        self.revision += 1
        match record:
            case StreamDeclared():
                if self.declared is None or record.order > self.declared.order:
                    self.declared = record
            case ModelEpoch():
                self.epochs.setdefault(record.epoch, record)
                _drop_oldest(self.epochs, KEPT_EPOCHS)
            case Statistics():
                self._keep_block(record)
            case Drift():
                self.drifts.append(record)
            case Alert():
                self._keep_alert(record)
        if not isinstance(record, Alert):
            self.training.apply(record)  # type: ignore[arg-type]

    @property
    def is_declared(self) -> bool:
        """Whether it was declared, and not deleted."""
        return self.declared is not None and self.declared.deletion is None

    @property
    def epoch(self) -> ModelEpoch | None:
        """The newest epoch."""
        return self.epochs[max(self.epochs)] if self.epochs else None

    @property
    def ordered_blocks(self) -> list[ScoreBlock]:
        """The blocks by offset."""
        return [self.blocks[start] for start in sorted(self.blocks)]

    @property
    def newest_statistics(self) -> list[Statistics]:
        """The newest statistics that are kept whole, by offset."""
        return [self.statistics[start] for start in sorted(self.statistics)]

    @property
    def open_alerts(self) -> list[Alert]:
        """The alerts that are not over, the newest first."""
        return [alert for alert in reversed(self.alerts.values()) if alert.state == "firing"]

    def _keep_block(self, record: Statistics) -> None:
        block = ScoreBlock.of(record)
        earlier = self.blocks.get(block.start, block)
        if block.maturity >= earlier.maturity:
            self.blocks[block.start] = block
            self.statistics[block.start] = record
        _drop_lowest(self.blocks, KEPT_BLOCKS)
        _drop_lowest(self.statistics, KEPT_STATISTICS)

    def _keep_alert(self, alert: Alert) -> None:
        if alert.key is None:
            return
        self.alerts.pop(alert.key, None)
        self.alerts[alert.key] = alert
        _drop_oldest(self.alerts, KEPT_RECORDS)


def _drop_lowest(records: dict[int, V], most: int) -> None:
    while len(records) > most:
        del records[min(records)]


def _drop_oldest(records: dict[K, V], most: int) -> None:
    while len(records) > most:
        del records[next(iter(records))]
