"""Time parts as clocks of a zone show them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Frame, times
from penstock.ml.features.local_times import local_times

ZONES = ["UTC", "Europe/Paris", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))


@given(moments=st.lists(MOMENTS, min_size=1, max_size=5), zone=st.sampled_from(ZONES))
def test_local_times_are_those_of_the_zone(moments: list[datetime], zone: str) -> None:
    found = local_times(np.array([*moments, "NaT"], "datetime64[ms]"), zone)
    expected = [moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
    assert found.tolist()[:-1] == np.array(expected, "datetime64[ms]").tolist()
    assert np.isnat(found[-1])


def test_an_encoder_keeps_its_zone() -> None:
    frame = Frame({}, times(["2024-07-01T22:30"]))
    for zone, hour, weekday in (("UTC", 22, 0), ("Europe/Paris", 0, 1)):
        encoder = Encoder.fit(frame, [], ["hour", "weekday"], zone)
        assert encoder.transform(frame).tolist() == [[hour, weekday]]
        assert Encoder.from_dict(encoder.to_dict()) == encoder
    assert "zone" not in Encoder.fit(frame, []).to_dict(), "the bytes of models in UTC stay as they were"
