"""What the log holds of each event of a stream, in columns: a million events fit into memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from penstock.console.record_refusal import RefusalReason
from penstock.console.replay.rows.id_index import ABSENT, IdIndex
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.predictions import PredictionData

MOST_CLASSES = 32  # of more, no probabilities are kept
NONE = ABSENT

V = TypeVar("V")


class WatchedPrediction(NamedTuple):
    """A prediction as far as a replay needs it: its value, and the epoch of the model that made it."""

    value: str | float
    epoch: int


class EventColumns:
    """Predictions, rejections and outcomes by the id of the event; of several, the first by offset.

    Attributes:
        classes: the code of each class, the declared ones first; empty for regression.
        reasons: the reasons of rejections, each once, with the detail of its first.
        outcomes: the slot of the event of each outcome, by offset; -1 where it is not known.
        newest_epoch: the highest epoch that predicted, -1 before the first prediction.
    """

    def __init__(self, declaration: Declaration) -> None:
        self.classes = {name: code for code, name in enumerate(declaration.label.classes)}
        self.reasons: list[RefusalReason] = []
        self.outcomes = array("i")
        self.newest_epoch = NONE
        self._width = len(self.classes) if 2 <= len(self.classes) <= MOST_CLASSES else 0
        self._missing = array("f", [float("nan")] * self._width)
        self._reason_codes: dict[tuple[str, str], int] = {}
        self._slots = IdIndex()
        self._values = array("d")
        self._epochs = array("i")
        self._rejections = array("i")
        self._label_rejections = array("i")
        self._expired = array("b")
        self._probabilities = array("f")
        self.predictions: Mapping[str, WatchedPrediction] = _View(self._slots, self._epochs, self._prediction)
        self.rejections: Mapping[str, str] = _View(self._slots, self._rejections, self._rejection)

    def __len__(self) -> int:
        """Of how many events and refused labels the log holds something."""
        return len(self._slots)

    def predict(self, record_id: str, data: PredictionData) -> None:
        """Add a prediction."""
        slot = self._slot(record_id)
        if self._epochs[slot] != NONE:
            return
        self._epochs[slot] = data.epoch
        self.newest_epoch = max(self.newest_epoch, data.epoch)
        value = data.value
        self._values[slot] = (
            self.classes.setdefault(value, len(self.classes)) if isinstance(value, str) else float(value)
        )
        if self._width and data.probabilities is not None and len(data.probabilities) == self._width:
            start = slot * self._width
            self._probabilities[start : start + self._width] = array("f", data.probabilities)

    def reject(self, record_id: str, reason: RefusalReason) -> None:
        """Add the rejection of an event or a label."""
        slot = self._slot(record_id)
        if self._rejections[slot] == NONE:
            self._rejections[slot] = self._reason_code(reason)

    def reject_label(self, event_id: str, reason: RefusalReason) -> None:
        """Add the rejection of an event's label."""
        self._label_rejections[self._slot(event_id)] = self._reason_code(reason)

    def end(self, record_id: str, offset: int, *, expired: bool) -> None:
        """Add an outcome with a prediction: a label was joined, or none came in time. An event's first says which."""
        slot = self._slot(record_id)
        self.outcomes.extend([NONE] * (offset - len(self.outcomes)))
        if offset == len(self.outcomes):
            self.outcomes.append(slot)
        if self._expired[slot] == NONE:
            self._expired[slot] = expired

    def has_outcome(self, record_id: str) -> bool:
        """Whether an outcome of the event was added."""
        slot = self.slot_of(record_id)
        return slot != NONE and self._expired[slot] != NONE

    def slots_of(self, ids: Iterator[str], count: int) -> NDArray[np.int64]:
        """The slots of the events, shape (count,), -1 where the log holds nothing of one."""
        return np.fromiter(map(self._slots.find, ids), dtype=np.int64, count=count)

    def slot_of(self, record_id: str) -> int:
        """The slot of an event, -1 if the log holds nothing of it."""
        return self._slots.find(record_id)

    def values(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predicted numbers or codes of classes, shape (n,)."""
        return np.array(self._values)[slots]

    def epochs(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """The epochs of the predictions, shape (n,), -1 where there is none."""
        return _column(self._epochs, slots)

    def rejection_codes(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices into `reasons` of the rejections of events, shape (n,), -1 where there is none."""
        return _column(self._rejections, slots)

    def label_rejection_codes(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices into `reasons` of the rejections of their labels, shape (n,), -1 where there is none."""
        return _column(self._label_rejections, slots)

    def expired(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """1 where the outcome is expired, 0 where it is joined, -1 where there is none, shape (n,)."""
        return _column(self._expired, slots)

    def probabilities(self, slots: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """The probabilities of the declared classes, shape (n, k), NaN where unknown; None if none are kept."""
        if not self._width:
            return None
        return np.array(self._probabilities, dtype=np.float32).reshape(-1, self._width)[slots]

    def _slot(self, record_id: str) -> int:
        slot = self._slots.add(record_id)
        if slot == len(self._values):
            self._values.append(0.0)
            for column in (self._epochs, self._rejections, self._label_rejections):
                column.append(NONE)
            self._expired.append(NONE)
            self._probabilities.extend(self._missing)
        return slot

    def _reason_code(self, reason: RefusalReason) -> int:
        code = self._reason_codes.setdefault((reason.code, reason.field), len(self.reasons))
        if code == len(self.reasons):
            self.reasons.append(reason)
        return code

    def _prediction(self, slot: int) -> WatchedPrediction:
        value = self._values[slot]
        return WatchedPrediction(list(self.classes)[int(value)] if self.classes else value, self._epochs[slot])

    def _rejection(self, slot: int) -> str:
        return self.reasons[self._rejections[slot]].code


class _View(Mapping[str, V]):
    """One column by the id of the event; events without a value in it are left out."""

    def __init__(self, slots: IdIndex, column: array[int], value: Callable[[int], V]) -> None:
        self._slots, self._column, self._value = slots, column, value

    def __getitem__(self, record_id: str) -> V:
        if record_id not in self:
            raise KeyError(record_id)
        return self._value(self._slots.find(record_id))

    def __contains__(self, record_id: object) -> bool:
        slot = self._slots.find(str(record_id))
        return bool(slot != NONE and self._column[slot] != NONE)

    def __iter__(self) -> Iterator[str]:
        return (name for name, value in zip(self._slots, self._column, strict=True) if value != NONE)

    def __len__(self) -> int:
        return int(np.count_nonzero(np.array(self._column) != NONE))


def _column(column: array[int], slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values in these slots, -1 for slot -1."""
    return np.append(np.array(column, dtype=np.int64), NONE)[slots]
