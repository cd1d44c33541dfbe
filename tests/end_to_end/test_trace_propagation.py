"""One trace spans the HTTP request, every service on the way, and the prediction."""

from __future__ import annotations

import secrets
from itertools import islice

from penstock.console.demo.credit_risk import CreditRisk
from penstock.telemetry.otlp_collector import CollectedSpan, OtlpCollector

from .conftest import Site

SERVICES_OF_TRACE = {"penstock-ingestion", "penstock-validator", "penstock-server", "penstock-drift-detector"}


async def test_one_trace_from_the_request_to_the_prediction(site: Site) -> None:
    trace, parent = secrets.token_hex(16), secrets.token_hex(8)

    def spans_of(collector: OtlpCollector) -> list[CollectedSpan]:
        return [span for span in collector.spans if span.trace_id == trace]

    async with site.stream("traced") as deployment:
        row = next(islice(CreditRisk(1, None).rows(), 1))
        header = {"traceparent": f"00-{trace}-{parent}-01"}
        await deployment.services.send_records("traced", "event", [row.event], header)
        await deployment.await_answers([row.id])
        assert site.spans.wait_for(
            lambda collector: {span.service for span in spans_of(collector)} >= SERVICES_OF_TRACE
        ), spans_of(site.spans)
    trace_spans = spans_of(site.spans)
    known_ids = {span.span_id for span in trace_spans} | {parent}
    assert {span.parent_id for span in trace_spans} <= known_ids
    (root,) = [span for span in trace_spans if span.parent_id == parent]
    assert (root.service, root.kind) == ("penstock-ingestion", "server")
    assert not any(span.failed for span in trace_spans)
