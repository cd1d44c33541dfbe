"""Large requests: so many documents are admitted in one turn of the event loop, and a record has so many values."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.ingestion.admission import Admission
from penstock.ingestion.limits import Limits
from penstock.runtime.http import body_slices

from .conftest import EVENTS, LABELS, event, open_ingestion


async def test_a_batch_is_admitted_by_fewer_records_at_a_time_the_more_fields_they_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_slices, "DOCUMENT_FIELDS", 12)  # of a stream of three
    sizes, admit = [], Admission.admit

    def admit_documents(self: Any, kind: Any, documents: Any, now: Any) -> Any:
        sizes.append(len(documents))
        return admit(self, kind, documents, now)

    monkeypatch.setattr(Admission, "admit", admit_documents)
    async with open_ingestion() as ingestion:
        response = await ingestion.post(EVENTS, [event(f"e{number}") for number in range(10)])
        assert response.json() == {"accepted": 10, "refused": []}
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize("path", [EVENTS, LABELS])
async def test_a_record_of_too_many_values_is_refused(path: str) -> None:
    async with open_ingestion(Limits()) as ingestion:
        response = await ingestion.post(path, {"id": "a", "ext": [[]] * 100_000})
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert not ingestion.received()
