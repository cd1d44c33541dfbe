"""A client before the real services: what it sends they have, and what they say it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest

from penstock.client import AsyncPenstock, Prediction, Refusal, Refused, Unavailable

from .conftest import LOANS, Site

T = TypeVar("T")

ROWS = [
    {"id": f"e{number}", "customer": f"c{number % 3}", "amount": 10.5 * number, "terms": 12, "defaulted": "no"}
    for number in range(5)
]
BUSY = {"retry-after": "0"}


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask until the answer is as it should be."""
    async with asyncio.timeout(60):
        while not holds(answer := await ask()):  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0.001)
        return answer


async def test_a_frame_of_events_is_sent_labelled_and_judged(site: Site) -> None:
    async with site.client() as client:
        loans = client.stream("loans")
        sent = await loans.send(ROWS)
        assert (sent.accepted, sent.refused, sent.ids) == (5, [], [row["id"] for row in ROWS])
        assert site.data()["e1"] == {"customer": "c1", "amount": 10.5, "terms": 12}, "the label is not sent with it"
        answer = await until(lambda: loans.answer("e1"), lambda found: found is not None)
        assert answer is not None
        assert (answer.status, (answer.prediction or {})["value"]) == ("predicted", "no")
        labelled = await loans.label(ROWS)
        assert (labelled.accepted, labelled.refused) == (5, [])
        report = await until(loans.quality, lambda report: report.matured.labelled == 5)
        assert report.matured.metrics["accuracy"].value == 1.0
        assert "<td>matured</td><td>5</td><td>5</td><td>1</td>" in report._repr_html_()


async def test_rows_without_an_id_get_one_that_the_receipt_tells(site: Site) -> None:
    async with site.client() as client:
        rows = [{name: value for name, value in row.items() if name != "id"} for row in ROWS]
        first, second = [await client.stream("loans").send(rows) for _ in range(2)]
    assert len({*first.ids, *second.ids}) == 10
    assert set(site.data()) == {*first.ids, *second.ids}


async def test_refusals_are_told_by_row(site: Site) -> None:
    bad = [ROWS[0], ROWS[1] | {"amount": float("inf")}, ROWS[2] | {"amount": -1}, ROWS[3] | {"unit": "EUR"}, ROWS[4]]
    async with site.client() as client:
        receipt = await client.stream("loans").send(bad)
        assert [(refusal.index, refusal.id, refusal.code, refusal.field) for refusal in receipt.refused] == [
            (1, "e1", "not_finite", "amount"),
            (2, "e2", "out_of_range", "amount"),
            (3, "e3", "extra_field", "unit"),
        ]
        assert set(site.data()) == {"e0", "e4"}
        assert "3 refused (not_finite amount: 1, out_of_range amount: 1, extra_field unit: 1)" in repr(receipt)
        assert "out_of_range" in receipt._repr_html_()
        with pytest.raises(Refused, match=r"expected at least 0 \(422 out_of_range, amount\)"):
            await client.stream("loans").send(bad[2])


async def test_a_label_that_is_not_known_is_not_sent(site: Site) -> None:
    rows = [
        row | {"defaulted": label} for row, label in zip(ROWS, ["no", None, float("nan"), "maybe", "yes"], strict=True)
    ]
    async with site.client() as client:
        receipt = await client.stream("loans").label(rows)
    assert (receipt.accepted, receipt.absent, [r.code for r in receipt.refused]) == (2, 2, ["unknown_class"])


async def test_labels_are_told_by_the_names_of_the_http_interface_too(site: Site) -> None:
    async with site.client() as client:
        await client.stream("loans").label({"event_id": "e0", "value": "yes", "entity": "c0", "revision": 1})
    assert site.records("received")[0]["data"] == {
        "event_id": "e0", "event_source": "http", "value": "yes", "entity": "c0", "revision": 1
    }  # fmt: skip


async def test_predictions_come_in_the_order_of_rows(site: Site) -> None:
    bad = [*ROWS[:2], ROWS[2] | {"amount": -1}, ROWS[3] | {"amount": float("inf")}, ROWS[4]]
    async with site.client() as client:
        answers = await client.stream("loans").predict(bad)
        assert [answer.id for answer in answers] == [row["id"] for row in bad]
        assert [refusal.index for refusal in answers.refused] == [2, 3]
        first = answers[0]
        assert isinstance(first, Prediction)
        assert (first.value, first.probabilities, first.epoch) == ("no", {"no": 0.75, "yes": 0.25}, 0)
        one = await client.stream("loans").predict(ROWS[0] | {"id": "one"})
        assert (one.id, one.value) == ("one", "no")
        with pytest.raises(Refused, match="out_of_range"):
            await client.stream("loans").predict(bad[2])
    assert {"one", "e0", "e1", "e4"} <= set(site.data())


async def test_a_repeated_request_has_the_same_bytes(site: Site) -> None:
    site.transport.faults += [
        httpx.ConnectError("refused"),
        httpx.Response(503, headers=BUSY, json={"code": "outcome_unknown", "detail": "the log did not confirm"}),
        httpx.Response(429, headers=BUSY),
        httpx.ReadTimeout("silent"),
    ]
    async with site.client() as client:
        receipt = await client.stream("loans").send([{"customer": "c1"}, {"customer": "c2"}])
    events = [body for path, body in site.posted() if path.endswith("/events")]
    assert (len(events), len(set(events)), receipt.accepted) == (5, 1, 2)
    assert set(site.data()) == set(receipt.ids)


async def test_a_command_that_is_repeated_is_done_once(site: Site) -> None:
    async with site.client(actor="kim@example.org") as client:
        site.transport.faults.append(httpx.ReadTimeout("silent"))
        assert (await client.stream("loans").retrain("the market has changed")).status == "accepted"
    keys = [request.headers["idempotency-key"] for request, _ in site.transport.requests if request.method == "POST"]
    actors = {request.headers["x-penstock-actor"] for request, _ in site.transport.requests if request.method == "POST"}
    assert (len(keys), len(set(keys)), actors) == (2, 1, {"kim@example.org"})


async def test_a_stream_is_paused_and_goes_on(site: Site) -> None:
    async with site.client(actor="kim", patience=0) as client:
        loans = client.stream("loans")
        assert (await loans.pause("bad feed", intake=True)).status == "paused"
        pause = (await loans.view()).pause
        assert pause is not None
        assert (pause["by"], pause["detail"], pause["intake"]) == ("kim", "bad feed", True)
        assert (await loans.resume("mended")).status == "resumed"
        assert (await loans.view()).pause is None


async def test_a_stream_is_deleted_for_good(site: Site) -> None:
    async with site.client(actor="kim", patience=0) as client:
        loans = client.stream("loans")
        assert (await loans.delete("moved")).status == "deleted"
        deletion = (await loans.view()).deletion
        assert deletion is not None
        assert (deletion["by"], deletion["detail"]) == ("kim", "moved")
        with pytest.raises(Refused, match="was deleted by kim"):
            await loans.retrain()


async def test_what_a_call_came_to_is_told_when_a_service_stays_away(site: Site) -> None:
    done: list[int] = []

    def progress(rows: int) -> None:
        done.append(rows)
        site.transport.faults.append(httpx.ConnectError("refused"))

    rows = ({"customer": "c1", "amount": number} for number in range(3000))
    async with site.client(patience=0) as client:
        with pytest.raises(Unavailable, match=r"ConnectError refused.*is safe") as raised:
            await client.stream("loans").send(rows, progress=progress)
    receipt = raised.value.receipt
    assert receipt is not None
    assert (done, receipt.accepted, set(site.data())) == ([1000], 1000, set(receipt.ids[:1000]))


async def test_rows_are_read_no_faster_than_they_are_taken(site: Site) -> None:
    read = done = 0
    ahead: list[int] = []

    def rows() -> Any:
        nonlocal read
        for number in range(6000):
            read += 1
            yield {"customer": "c1", "amount": number}

    def progress(count: int) -> None:
        nonlocal done
        done += count
        ahead.append(read - done)

    async with site.client() as client:
        assert (await client.stream("loans").send(rows(), progress=progress)).accepted == 6000
    assert max(ahead) <= 2000, "one batch on the way, and the next one made"
    amounts = [record["data"]["amount"] for record in site.records("received")]
    assert amounts == list(range(6000)), "with one batch on the way they keep their order"


async def test_a_declaration_is_applied_and_shown(site: Site, tmp_path: Any) -> None:
    file = tmp_path / "stream.toml"
    file.write_text(LOANS.replace('"loans"', '"cars"'))
    async with site.client() as client:
        assert [(await client.apply(what)).status for what in (file, str(file), file.read_text())] == [
            "created", "unchanged", "unchanged"
        ]  # fmt: skip
        cars = client.stream("cars")
        declaration = await cars.declaration()
        assert (await client.apply(declaration)).status == "unchanged"
        fields = {**declaration["fields"], "age": {"type": "number"}}
        assert (await client.apply({**declaration, "fields": fields})).schema_version == 2
        assert [stream.name for stream in await client.streams()] == ["loans", "cars"]
        assert list((await client.streams()).to_frame("polars")["epoch"]) == [0, 0]
        with pytest.raises(Refused, match=r"422 bad_declaration"):
            await client.apply({**declaration, "task": "cooking"})


async def test_what_is_declared_just_now_can_be_sent_to(site: Site) -> None:
    """Ingestion and the server read of a stream a moment later than the registry knows it."""
    async with site.client() as client:
        await client.apply(LOANS.replace('"loans"', '"cars"'))
        site.transport.faults.append(httpx.Response(404, json={"code": "unknown_stream", "detail": "none is declared"}))
        assert (await client.stream("cars").send(ROWS)).accepted == 5
        assert len(await client.stream("cars").predict([row | {"id": f"p{row['id']}"} for row in ROWS])) == 5


async def test_models_are_steered(site: Site) -> None:
    async with site.client() as client:
        loans = client.stream("loans")
        assert [model.serving for model in await loans.models()] == [True]
        assert [epoch.reason for epoch in await loans.epochs()] == ["baseline"]
        assert (await loans.runs(), await loans.proposals(), await client.proposals()) == ([], [], [])
        assert (await loans.rollout(), await client.alerts()) == (None, [])
        with pytest.raises(Refused, match="404 unknown_version"):
            await loans.start_rollout(7, mode="canary", reason="it looks better")
        with pytest.raises(Refused, match="409 no_rollout"):
            await loans.pause_rollout("lunch")
        with pytest.raises(Refused, match=r"409 never_served|404 unknown_version|409 first_version"):
            await loans.roll_back(to_version=7)
        with pytest.raises(Refused, match="404"):
            await client.approve(1)
        with pytest.raises(Refused, match="404 unknown_stream"):
            await client.stream("nothing").send(ROWS)


async def test_a_refusal_is_a_record_with_a_place(site: Site) -> None:
    async with site.client() as client:
        receipt = await client.stream("loans").send([{"customer": None}])
    (refusal,) = receipt.refused
    assert isinstance(refusal, Refusal)
    assert (refusal.index, refusal.id, refusal.field) == (0, receipt.ids[0], "customer")


async def test_an_address_that_nothing_answers_at_is_one_sentence() -> None:
    async with AsyncPenstock("http://127.0.0.1:9", patience=0) as client:
        with pytest.raises(Unavailable, match=r"GET http://127.0.0.1:9/v1/streams failed for 0 s"):
            await client.streams()
