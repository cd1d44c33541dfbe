"""The client for programs without an event loop, and that it is the same one."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import httpx
import polars as pl
import pytest

from penstock.client import AsyncPenstock, AsyncStream, Penstock, Refused, Stream

DECLARATION = {"name": "loans", "fields": {"amount": {"type": "number"}}, "label": {"name": "defaulted"}}
VIEW = {"name": "loans", "version": 1, "epoch": 0, "champion": 0, "hold": None, "declaration": DECLARATION}
MODEL = {"name": "loans", "version": 3, "family": "linear", "digest": "sha256:1"}


def answer(request: httpx.Request) -> httpx.Response:
    """A registry that tells where the others are, and a server that answers yes above 10."""
    match request.url.path:
        case "/v1/deployment":
            services = {"ingestion": "http://ingestion", "server": "http://server/", "console": "http://console"}
            return httpx.Response(200, json={"namespace": "penstock", "kafka": "broker:9092", "services": services})
        case "/v1/streams/loans":
            return httpx.Response(200, json=VIEW)
        case "/v1/streams/loans/predict" if request.url.host == "server":
            return httpx.Response(200, json=[_prediction(event) for event in json.loads(request.content)])
        case "/v1/streams/loans/ledger" if request.url.host == "console":
            return httpx.Response(200, json={"stream": "loans", "trainings": []})
        case "/v1/why/e/1" if request.url.host == "console" and request.url.params["stream"] == "loans":
            return httpx.Response(200, json={"answers": [{"stream": "loans"}]})
    return httpx.Response(404, json={"code": "not_found", "detail": "no such path"})


def _prediction(event: dict[str, object]) -> dict[str, object]:
    amount = event["data"]["amount"]  # type: ignore[index]
    if amount is None:
        return {
            "id": event["id"],
            "status": 422,
            "code": "missing_field",
            "field": "amount",
            "detail": "it is required",
        }
    yes = 0.9 if amount > 10 else 0.1
    probabilities = {"no": 1 - yes, "yes": yes}
    value = max(probabilities, key=lambda name: probabilities[name])
    return {
        "id": event["id"],
        "value": value,
        "probabilities": probabilities,
        "model": MODEL,
        "epoch": 2,
        "mode": "fast",
    }


def test_the_console_tells_the_ledger_and_why() -> None:
    with client() as penstock:
        loans = penstock.stream("loans")
        assert loans.ledger() == {"stream": "loans", "trainings": []}
        assert loans.why("e/1") == {"stream": "loans"}
        with pytest.raises(Refused, match="no such path"):
            loans.why("e/2")


def client() -> Penstock:
    return Penstock("http://registry", transport=httpx.MockTransport(answer))


def test_the_services_are_found_through_the_registry() -> None:
    with client() as penstock:
        prediction = penstock.stream("loans").predict({"id": "e", "amount": 20})
    assert (prediction.id, prediction.value, prediction.model.version) == ("e", "yes", 3)


def test_predictions_are_a_frame_of_the_same_library() -> None:
    with client() as penstock:
        answers = penstock.stream("loans").predict(pl.DataFrame({"amount": [5.0, 20.0, float("nan")]}))
    frame = answers.to_frame()
    assert isinstance(frame, pl.DataFrame)
    assert frame["value"].to_list() == ["no", "yes", None]
    assert frame["probability_yes"].to_list() == [0.1, 0.9, None]
    assert frame["refused"].to_list() == [None, None, "missing_field"]
    assert answers.to_frame("pyarrow").column_names == frame.columns
    assert "<td>yes</td><td>0.1</td><td>0.9</td>" in answers._repr_html_()


def test_every_method_of_one_client_is_one_of_the_other() -> None:
    for asynchronous, waiting in ((AsyncPenstock, Penstock), (AsyncStream, Stream)):
        methods = {name for name in vars(asynchronous) if not name.startswith("_")}
        assert methods - {"url"} == {name for name in vars(waiting) if not name.startswith("_")} - {"name"}
    assert inspect.signature(Penstock.__init__) == inspect.signature(AsyncPenstock.__init__)
    assert inspect.signature(Stream.send) == inspect.signature(AsyncStream.send)


def test_a_program_that_closes_nothing_ends() -> None:
    program = (
        "from penstock.client import Penstock; p = Penstock('http://127.0.0.1:9', patience=0); print(p.stream('a'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Stream('a')\n", "")


def test_the_client_imports_no_frame_library_and_no_other_part_of_penstock() -> None:
    program = (
        "import sys, penstock.client as c; from penstock.client.batches import rows_of; list(rows_of([{'a': 1}]));"
        "print([m for m in sys.modules if m.split('.')[0] in ('pandas', 'polars', 'pyarrow', 'numpy')"
        " or (m.startswith('penstock.') and not m.startswith('penstock.client'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
