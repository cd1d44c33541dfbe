"""Predictions encoded column by column have the bytes that encoding each record gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from penstock.contracts.codecs.prediction_encoder import PredictionDetails, encode_predictions
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import (
    PREDICTION_SUFFIX,
    Attribution,
    Prediction,
    PredictionData,
    ShadowAnswer,
)

zones = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=zones)
texts = st.text(min_size=1, max_size=20)
class_probabilities = st.lists(st.floats(0, 1), min_size=2, max_size=2)
rows = st.tuples(
    texts, texts, times, st.one_of(texts, st.floats(allow_nan=False, allow_infinity=False)), class_probabilities
)
attributions = st.builds(
    Attribution,
    model=texts,
    version=st.integers(0, 2**31),
    digest=texts,
    epoch=st.integers(0, 2**31),
    schema=st.integers(1, 99),
    code=texts,
    baseline=st.booleans(),
)


@given(attributions, st.lists(st.tuples(rows, st.none() | texts), max_size=5), st.booleans())
def test_a_batch_is_encoded_as_its_records_would_be(
    attribution: Attribution, drawn: list[tuple[Any, str | None]], classified: bool
) -> None:
    events = [Event(source=source, id=name, time=time, data=None) for (source, name, time, *_), _ in drawn]
    values = [value for (*_, value, _), _ in drawn]
    entities = [entity for _, entity in drawn]
    probabilities = [row[-1] for row, _ in drawn] if classified else None
    expected = [
        Prediction(
            source=event.source + PREDICTION_SUFFIX,
            id=event.id,
            time=event.time,
            data=PredictionData(
                **asdict(attribution),
                value=value,
                entity=entity,
                probabilities=probabilities[index] if probabilities else None,
            ),
        )
        for index, (event, value, entity) in enumerate(zip(events, values, entities, strict=True))
    ]
    written = encode_predictions(events, attribution, values, entities, probabilities)
    assert written == [encode(record) for record in expected]


ATTRIBUTION = Attribution(model="m", version=2, digest="sha256:0", epoch=3, schema=1, code="0.1.0")
EVENTS: list[Event[Any]] = [
    Event(source="shop", id=name, time=datetime(2026, 1, 1, tzinfo=UTC), data=None) for name in ("a", "b")
]


def test_details_are_encoded_under_their_names_on_the_log() -> None:
    lag_features: list[list[float | None]] = [[1.5, None], [2.0, 0.5]]
    experts, shadow = [[0.25], [0.75]], [[ShadowAnswer(4, "yes")], [ShadowAnswer(4, None)]]
    details = PredictionDetails(lag_features, experts, shadow)
    encoded = encode_predictions(EVENTS, ATTRIBUTION, ["no", "no"], [None, None], [[0.5, 0.5]] * 2, details)
    expected = [
        Prediction(
            source="shop#prediction",
            id=event.id,
            time=event.time,
            data=PredictionData(
                **asdict(ATTRIBUTION),
                value="no",
                probabilities=[0.5, 0.5],
                lag_features=lag_features[index],
                experts=experts[index],
                shadow=shadow[index],
            ),
        )
        for index, event in enumerate(EVENTS)
    ]
    assert encoded == [encode(record) for record in expected]
    assert b'"known":[1.5,null],"experts":[0.25],"shadow":[{"version":4,"value":"yes"}]' in encoded[0]


def test_empty_details_add_nothing() -> None:
    arguments = (EVENTS, ATTRIBUTION, [1.0, 2.0], ["c1", None], None)
    assert encode_predictions(*arguments, PredictionDetails()) == encode_predictions(*arguments)
