"""The hops of an event, from the spans of Zipkin."""

from __future__ import annotations

from typing import Any

from penstock.console.views.trace_hops import hops_document, hops_of


def span(own: str, parent: str | None, at: int, service: str, **tags: str) -> dict[str, Any]:
    known = {"traceId": "t1", "id": own, "timestamp": 1_000_000 + at, "duration": 500, "name": f"hop {own}"}
    of_parent = {} if parent is None else {"parentId": parent}
    tags = {name.replace("_", "."): value for name, value in tags.items()}
    return known | of_parent | {"localEndpoint": {"serviceName": service}, "tags": tags}


def test_each_hop_is_below_the_one_that_led_to_it() -> None:
    spans = [
        span("c", "b", 3000, "server", penstock_epoch="4"),
        span("a", "elsewhere", 0, "ingestion"),
        span("d", "b", 2000, "drift-detector", error_type="ValueError"),
        span("b", "a", 1000, "validator"),
    ]
    hops = hops_of([spans])
    assert [(hop.depth, hop.service) for hop in hops] == [
        (0, "ingestion"),
        (1, "validator"),
        (2, "drift-detector"),
        (2, "server"),
    ]
    assert [hop.at_ms for hop in hops] == [0, 1, 2, 3]
    assert [hop.failed for hop in hops] == [False, False, True, False]
    assert hops[3].tags["penstock.epoch"] == "4"


def test_programs_get_the_hops_and_the_addresses() -> None:
    document = hops_document(hops_of([[span("a", None, 0, "ingestion")]]), ["http://viewer/t1"])
    assert document["addresses"] == ["http://viewer/t1"]
    assert document["hops"][0]["trace"] == "t1"
