"""The encoder is plain data, and the matrix says what the frame said."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.features.feature_encoder import MAX_VOCABULARY, Encoder, WrongFields, time_part
from penstock.ml.features.frame import Field, Frame, column, times

PARTS = ("hour", "weekday", "yearday", "month")
FIELDS = (Field("n", "number"), Field("c", "category"))
ROWS = st.lists(
    st.tuples(
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(max_size=3),
        st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),
    ),
    max_size=30,
)


def frame_of(rows: list) -> Frame:
    return Frame(
        {"n": column("number", [row[0] for row in rows]), "c": column("category", [row[1] for row in rows])},
        times([row[2] for row in rows]),
    )


@given(ROWS, ROWS)
def test_an_encoder_survives_json(fitted: list, later: list) -> None:
    encoder = Encoder.fit(frame_of(fitted), FIELDS, PARTS)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    assert np.array_equal(again.transform(frame_of(later)), encoder.transform(frame_of(later)), equal_nan=True)


@given(ROWS)
def test_rows_are_encoded_one_by_one(rows: list) -> None:
    encoder = Encoder.fit(frame_of(rows), FIELDS, PARTS)
    whole = encoder.transform(frame_of(rows))
    single = [encoder.transform(frame_of([row])) for row in rows]
    assert whole.shape == (len(rows), 6)
    assert np.array_equal(whole, np.concatenate([np.empty((0, 6)), *single]), equal_nan=True)


@given(st.datetimes(min_value=datetime(1600, 1, 1), max_value=datetime(2400, 1, 1)))
def test_time_parts_are_those_of_the_calendar(moment: datetime) -> None:
    found = [float(time_part(part, times([moment]))[0]) for part in PARTS]
    assert found == [moment.hour, moment.weekday(), moment.timetuple().tm_yday, moment.month]


def test_codes_follow_frequency_and_the_unknown_is_missing() -> None:
    encoder = Encoder.fit(frame_of([(0, "a", 0), (0, "b", 0), (0, "b", 0), (0, None, 0)]), FIELDS)
    matrix = encoder.transform(frame_of([(0, "b", 0), (0, "a", 0), (0, "z", 0), (0, None, 0)]))
    assert np.array_equal(matrix[:, 1], [0, 1, np.nan, np.nan], equal_nan=True)
    assert encoder.names == ("n", "c")
    assert encoder.categorical.tolist() == [False, True]
    assert encoder.cardinalities == (0, 2)


def test_a_vocabulary_is_bounded() -> None:
    encoder = Encoder.fit(frame_of([(0, str(i), 0) for i in range(1000)]), FIELDS)
    assert encoder.cardinalities == (0, MAX_VOCABULARY)


def test_an_unknown_time_is_missing() -> None:
    assert np.isnan(time_part("hour", np.array(["NaT"], "datetime64[ms]"))).all()


def test_a_frame_with_other_fields_is_refused() -> None:
    encoder = Encoder.fit(frame_of([(0, "a", 0)]), FIELDS)
    with pytest.raises(WrongFields, match="'c' is absent"):
        encoder.transform(Frame({"n": np.zeros(1)}, times([0])))
    with pytest.raises(WrongFields, match="'n' holds values that are not numbers"):
        encoder.transform(Frame({"n": column("category", ["x"]), "c": column("category", ["x"])}, times([0])))


@given(ROWS, st.integers(0, 30))
def test_taking_apart_and_joining_gives_the_frame_back(rows: list, cut: int) -> None:
    frame = frame_of(rows)
    joined = Frame.concat([frame.take(slice(0, cut)), frame.take(slice(cut, None))])
    assert joined.columns["c"].tolist() == frame.columns["c"].tolist()
    assert np.array_equal(joined.columns["n"], frame.columns["n"], equal_nan=True)
    assert (joined.times == frame.times).all()


def test_frames_with_other_columns_are_not_joined() -> None:
    with pytest.raises(ValueError, match="differ in their columns"):
        Frame.concat([Frame({"a": np.zeros(1)}, times([0])), Frame({"b": np.zeros(1)}, times([0]))])
    with pytest.raises(ValueError, match="no frames"):
        Frame.concat([])
