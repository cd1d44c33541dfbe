"""Requests that take the longest turns: legal ones as large as may be, and illegal ones that are found out late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

BODY_BYTES = 16 << 20
RECORD_BYTES = 990_000
BATCH = 10_000
JSON, NDJSON = "application/json", "application/x-ndjson"
NARROW, WIDE = "narrow", "wide"
WIDE_FIELDS = 1000
WIDE_CLASSES = 1000
WIDE_BATCH = 1000

Route = Literal["ingestion", "predict", "infer"]

NARROW_STREAM = f"""
stream = {{name = "{NARROW}", task = "regression"}}
label = {{name = "y"}}
fields = {{x = {{type = "number"}}, kind = {{type = "category"}}}}
"""

WIDE_STREAM = f"""
stream = {{name = "{WIDE}", task = "multiclass"}}
label = {{name = "y", classes = [{", ".join(f'"c{number}"' for number in range(WIDE_CLASSES))}]}}
fields = {{{", ".join(f'f{n} = {{type = "number", min = 0, outside = "refuse"}}' for n in range(WIDE_FIELDS))}}}
"""


@dataclass(frozen=True, slots=True)
class WorstRequest:
    """A POST of events to the routes of a stream; `body` makes its bytes."""

    body: Callable[[], bytes]
    media_type: str = JSON
    stream: str = NARROW
    routes: tuple[Route, ...] = ("ingestion", "predict")


def _event(number: int, kind: str = "k", more: str = "") -> bytes:
    return b'{"id":"e%d","data":{"x":%d.5,"kind":"%b"%b}}' % (number, number, kind.encode(), more.encode())


def _wide_event(number: int) -> bytes:
    return b'{"id":"e%d","data":{"f1":1}}' % number


def _filled(head: bytes, unit: bytes, tail: bytes = b"]") -> bytes:
    return head + unit * ((BODY_BYTES - len(head) - len(tail) - 8) // len(unit)) + b"{}" + tail


def _extended(content: bytes, number: int = 0) -> bytes:
    """An event with an attribute that Penstock does not know."""
    head = b'{"specversion":"1.0","type":"penstock.event.v1","source":"s","id":"a%d","time":"2026-01-01T00:00:00Z"'
    return head % number + b',"ext":' + content + b',"data":{"x":1,"kind":"k"}}'


def _repeated(unit: bytes, size: int = RECORD_BYTES, head: bytes = b"[", tail: bytes = b"]") -> bytes:
    return head + b",".join([unit] * ((size - 300) // (len(unit) + 1))) + tail


def _keys(size: int = RECORD_BYTES) -> bytes:
    return b"{" + b",".join(b'"%06x":0' % number for number in range((size - 300) // 11)) + b"}"


def _array(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _events_of(content: bytes) -> bytes:
    """As many events of this content as a body takes."""
    count = BODY_BYTES // (len(content) + 300)
    return _array([_extended(content, number) for number in range(count)])


def _tensor(name: str, values: list[bytes], datatype: str = "FP64") -> bytes:
    head = b'{"name":"%b","datatype":"%b","shape":[%d],"data":' % (name.encode(), datatype.encode(), len(values))
    return head + _array(values) + b"}"


def _inputs(tensors: list[bytes]) -> bytes:
    return b'{"id":"r","inputs":' + _array(tensors) + b"}"


NESTED = b"[" * 100 + b"]" * 100

REQUESTS: dict[str, WorstRequest] = {
    "array-of-nan": WorstRequest(lambda: _filled(b"[NaN,", b"{},")),
    "array-of-empty": WorstRequest(lambda: _filled(b"[", b"{},")),
    "array-of-300000": WorstRequest(lambda: _array([b" " * 50 + b"{}"] * 300_000)),
    "array-in-array": WorstRequest(lambda: _filled(b"[[", b"[],", b"]]")),
    "brackets": WorstRequest(lambda: b"[" * BODY_BYTES),
    "pairs": WorstRequest(lambda: _filled(b"[[", b'[{"a":[]}],', b"]]")),
    "escapes": WorstRequest(lambda: b'["' + b"\\\\" * (BODY_BYTES // 2 - 8) + b'"]'),
    "blank": WorstRequest(lambda: b" " * BODY_BYTES),
    "blank-lines": WorstRequest(lambda: b" \n" * (BODY_BYTES // 2 - 1) + b"1", NDJSON, routes=("ingestion",)),
    "bad-lines": WorstRequest(lambda: b"[]\n" * BATCH, NDJSON, routes=("ingestion",)),
    "event-too-large": WorstRequest(lambda: _extended(_repeated(b"[]", BODY_BYTES))),
    "event-of-arrays": WorstRequest(lambda: _extended(_repeated(b"[]"))),
    "event-of-pairs": WorstRequest(lambda: _extended(_repeated(b'{"a":[]}'))),
    "event-of-depth": WorstRequest(lambda: _extended(_repeated(NESTED))),
    "event-of-keys": WorstRequest(lambda: _extended(_keys())),
    "event-of-equal-keys": WorstRequest(lambda: _extended(_repeated(b'"":0', head=b"{", tail=b"}"))),
    "event-of-texts": WorstRequest(lambda: _extended(_repeated(b'""'))),
    "event-of-numbers": WorstRequest(lambda: _extended(_repeated(b"1"))),
    "event-of-digits": WorstRequest(lambda: _extended(_repeated(b"0." + b"12345678901234567890" * 35))),
    "event-of-commas": WorstRequest(lambda: _event(0, "," * RECORD_BYTES)),
    "event-of-escapes": WorstRequest(lambda: _event(0, "\\u0041" * (RECORD_BYTES // 6 - 20))),
    "event-of-nan": WorstRequest(lambda: _extended(_repeated(b"[],NaN"))),
    "event-of-wrong-type": WorstRequest(lambda: _extended(_keys()).replace(b'"x":1', b'"x":""')),
    "events-of-arrays": WorstRequest(lambda: _events_of(_repeated(b"[]"))),
    "events-of-keys": WorstRequest(lambda: _events_of(_keys())),
    "events-of-60-kb": WorstRequest(lambda: _events_of(_keys(60_000))),
    "events-of-2-kb": WorstRequest(lambda: _array([_event(number, "k" * 2000) for number in range(7000)])),
    "batch": WorstRequest(lambda: _array(list(map(_event, range(BATCH))))),
    "lines": WorstRequest(lambda: b"\n".join(map(_event, range(BATCH))), NDJSON, routes=("ingestion",)),
    "refused-batch": WorstRequest(lambda: _array([_event(number, more=',"u":1') for number in range(BATCH)])),
    "mixed-batch": WorstRequest(lambda: _array([_event(n, more=',"u":1' * (n % 2)) for n in range(BATCH)])),
    "tensors": WorstRequest(
        lambda: _inputs([_tensor("x", [b"1.5"] * BATCH), _tensor("kind", [b'"%b"' % (b"k" * 1000)] * BATCH, "BYTES")]),
        routes=("infer",),
    ),
    "tensors-in-tensors": WorstRequest(lambda: _inputs([_tensor("x", [b"[1.5]"] * (2 << 20))]), routes=("infer",)),
    "tiny-tensors": WorstRequest(lambda: _inputs([_tensor("x", [])] * (BODY_BYTES // 60)), routes=("infer",)),
    "tensors-of-nan": WorstRequest(
        lambda: _inputs([_tensor("x", [b"NaN"] * (BODY_BYTES // 4 - 100))]),
        routes=("infer",),
    ),
    "wide-tensors": WorstRequest(
        lambda: _inputs([_tensor(f"f{n}", [b"1.5"] * WIDE_BATCH) for n in range(WIDE_FIELDS)]),
        stream=WIDE,
        routes=("infer",),
    ),
    "wide-batch": WorstRequest(lambda: _array(list(map(_wide_event, range(WIDE_BATCH)))), stream=WIDE),
}
