"""The validator: every record of `received` ends in `events`, `labels`, `rejected`, or is an equal one's duplicate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from penstock.artifacts.seal import Seal
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.operations import EVENT_WINDOW, conflict_of, key_of, operations_of
from penstock.contracts.received_decoder import Received
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import EVENTS, LABELS, REJECTED
from penstock.validator.batch_checks import refusals_in
from penstock.validator.dedupe import Dedupe, Sighting
from penstock.validator.operation_state import Kind
from penstock.validator.original_record import whole
from penstock.validator.rejections import rejected

Count = Callable[[int], None]


class Validator:
    """Validates one partition of one stream. Without a `seal` no event may bring its answer along."""

    def __init__(self, seal: Seal | None, dedupe: Dedupe, count_rejected: Count, count_duplicates: Count) -> None:
        self._seal = seal
        self._dedupe = dedupe
        self._count_rejected = count_rejected
        self._count_duplicates = count_duplicates

    def handle(self, batch: Batch[Received]) -> list[AnyOutputs]:
        """What the batch leads to; within each topic in the order of the batch."""
        refused = refusals_in(batch, self._seal)
        new, conflicts = self._unseen(batch, _sound(batch, refused))
        refused |= conflicts
        self._count_rejected(len(refused))
        self._count_duplicates(len(batch.records) - len(refused) - len(new))
        events = [place for place in new if isinstance(batch.records[place], Event)]
        labels = [place for place in new if isinstance(batch.records[place], Label)]
        outputs = [_passed(EVENTS, batch, events, new), _passed(LABELS, batch, labels, new), _refused(batch, refused)]
        return [output for output in outputs if output.records]

    def _unseen(
        self, batch: Batch[Received], sound: dict[int, Event[Any] | Label]
    ) -> tuple[dict[int, Event[Any] | Label], dict[int, Refusal]]:
        """The records that say something new, and those that contradict what was said before."""
        declaration = batch.declared.declaration
        sightings = [
            Sighting(operation, "event" if isinstance(record, Event) else "label", batch.raw[place].timestamp)
            for (place, record), operation in zip(
                sound.items(), operations_of(declaration, list(sound.values())), strict=True
            )
        ]
        verdicts = self._dedupe.judge(sightings, _windows(declaration))
        judged = list(zip(sound.items(), verdicts, strict=True))
        new = {place: record for (place, record), verdict in judged if verdict == "new"}
        return new, {
            place: conflict_of(declaration, record) for (place, record), verdict in judged if verdict == "conflict"
        }


def _sound(batch: Batch[Received], refused: dict[int, Refusal]) -> dict[int, Event[Any] | Label]:
    return {
        place: record
        for place, record in enumerate(batch.records)
        if place not in refused and not isinstance(record, Refusal)
    }


def _windows(declaration: Declaration) -> dict[Kind, int]:
    """How long a name counts, in ms of log-append time."""
    lasting: dict[Kind, timedelta] = {"event": EVENT_WINDOW, "label": declaration.label.horizon}
    return {kind: window // timedelta(milliseconds=1) for kind, window in lasting.items()}


def _passed(
    topic: Any, batch: Batch[Received], places: Sequence[int], records: dict[int, Event[Any] | Label]
) -> AnyOutputs:
    """The bytes go on as they came; the key is what the stream is ordered by, whatever they came under."""
    declaration = batch.declared.declaration
    keys = [key_of(declaration, records[place]) for place in places]
    return Outputs(topic, batch.declared.name, [whole(batch.raw[place]) for place in places], keys, causes=places)


def _refused(batch: Batch[Received], refused: dict[int, Refusal]) -> AnyOutputs:
    places = sorted(refused)
    records = [rejected(refused[place], batch.records[place], batch.raw[place]) for place in places]
    keys = [batch.raw[place].key for place in places]
    return Outputs(REJECTED, batch.declared.name, records, keys, partition=batch.partition, causes=places)
