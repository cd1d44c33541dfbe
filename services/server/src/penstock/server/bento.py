"""The BentoML service by itself, as `bentoml serve penstock.server.bento:service` and `bentoml build` import it."""

from __future__ import annotations

from penstock.server.standalone import standalone_predictor
from penstock.server.web.bento_service import bento_service

service = bento_service(standalone_predictor)
