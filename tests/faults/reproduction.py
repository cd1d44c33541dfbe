"""What is claimed of models, done again: their answers to events, and the data they were trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from penstock.artifacts import ArtifactError, Store, digest_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import Segment
from penstock.contracts.topics import OUTCOMES
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import unpack
from penstock.server.scoring.model_inputs import ModelInputs
from penstock.trainer.data.parquet_segments import from_parquet, labelled_rows, outcome_table, to_parquet
from tests.faults.checker.ledger import SegmentRow
from tests.faults.evidence import Evidence


@lru_cache(maxsize=32)
def _unpack(package: bytes) -> Model | Blend:
    return unpack(package)


def answers_of(
    store: Store, declaration: Declaration, events: Mapping[str, Event[Any]], predictions: Sequence[Prediction]
) -> list[bool]:
    """For each prediction whether the model that it names answers its event so."""
    by_model: defaultdict[str, list[int]] = defaultdict(list)
    for index, prediction in enumerate(predictions):
        if prediction.id in events:
            by_model[prediction.data.digest].append(index)
    matches = [True] * len(predictions)
    for digest, indices in by_model.items():
        inputs = ModelInputs.of(declaration, [events[predictions[index].id] for index in indices])
        values = _unpack(store.get(digest)).predict(inputs.frame).values
        for index, value in zip(indices, values, strict=True):
            matches[index] = predictions[index].data.value == value
    return matches


def segment_row(evidence: Evidence, stream: StreamDeclared, segment: Segment) -> SegmentRow:
    """A segment, and whether it is in the store and holds what the log had."""
    try:
        content = evidence.store.get(segment.digest)
    except ArtifactError:
        return SegmentRow(segment.digest, "")
    return SegmentRow(segment.digest, digest_of(content), _is_of_log(evidence, stream, segment, content))


def _is_of_log(evidence: Evidence, stream: StreamDeclared, segment: Segment, content: bytes) -> bool:
    """Made anew from the log the segment is the same; what had expired before it was made is not in it."""
    history = evidence.history[OUTCOMES.name(evidence.namespace, stream.name), 0][segment.start : segment.stop]
    stored = set(from_parquet(content)["offset"].to_pylist())
    kept = [one.record for one in history if not one.fault or one.record.offset in stored]
    table = outcome_table(stream.declaration, [record.offset for record in kept], OUTCOMES.decoder(stream)(kept))
    is_equal = digest_of(to_parquet(stream.declaration, [table])) == segment.digest
    return is_equal and labelled_rows(table) == segment.rows
