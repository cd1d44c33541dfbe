"""Predict on JSON bodies: what our own route and BentoML's service have in common."""

from __future__ import annotations

from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.server.scoring.event_order import fill_gaps
from penstock.server.scoring.predict_request import PredictRequest
from penstock.server.scoring.predictor import Predictor
from penstock.server.web.request_bodies import BodyParser
from penstock.server.web.responses import PredictResponse, event_responses


class PredictEndpoint:
    """Parses bodies, has their events predicted, and makes the response."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._parsers: dict[str, tuple[StreamDeclared, BodyParser]] = {}

    async def predict(
        self, stream: str, body: bytes, *, is_probe: bool = False, traceparent: bytes | None = None
    ) -> PredictResponse:
        """Predict the events in `body`, all under one epoch. A probe is answered alike but never logged.

        Raises:
            Problem: the stream is unknown, its model is external, the body cannot be parsed, no model serves the
                stream, its intake is paused, or the broker does not confirm the events.
        """
        batcher = self._predictor.batcher(stream)
        parsed, is_array = await self._parser(batcher.declared).parse(body, self._predictor.now())
        events = [item for item in parsed if isinstance(item, Event)]
        if not events:
            return PredictResponse([item for item in parsed if isinstance(item, Refusal)], is_array)
        result = await batcher.predict(PredictRequest(events, traceparent, is_probe))
        responses = await event_responses(result)
        if len(events) < len(parsed):
            responses = fill_gaps([item if isinstance(item, Refusal) else None for item in parsed], responses)
        return PredictResponse(responses, is_array)

    def _parser(self, declared: StreamDeclared) -> BodyParser:
        parsed_for, parser = self._parsers.get(declared.name, (None, None))
        if parser is None or parsed_for is not declared:
            parser = BodyParser(declared)
            self._parsers[declared.name] = declared, parser
        return parser
