"""The console's style sheet and script, and Plotly's from its package: addressed by content, so that they are kept."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

KEPT = {"cache-control": "public, max-age=31536000, immutable"}


def _own(name: str) -> bytes:
    return files("penstock.console").joinpath("web", "static", name).read_bytes()


def _digest(name: str) -> str:
    return sha256(_own(name)).hexdigest()[:12]


STYLE_PATH = f"/static/console-{_digest('console.css')}.css"
SCRIPT_PATH = f"/static/console-{_digest('console.js')}.js"
PLOTLY_PATH = f"/static/plotly-{version('plotly')}.js"
"""The addresses change with the contents."""


@cache
def _plotly() -> bytes:
    """The script, which a browser takes compressed: a quarter of its 5 MB."""
    return gzip.compress(files("plotly").joinpath("package_data", "plotly.min.js").read_bytes(), 6)


async def style(_: Request) -> Response:
    """The style sheet."""
    return Response(_own("console.css"), media_type="text/css", headers=KEPT)


async def script(_: Request) -> Response:
    """The console's own script."""
    return Response(_own("console.js"), media_type="text/javascript", headers=KEPT)


def plotly(request: Request) -> Response:
    """Plotly, compressed where the browser takes that."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {**KEPT, "content-encoding": "gzip", "vary": "accept-encoding"}
        return Response(_plotly(), media_type="text/javascript", headers=headers)
    return Response(gzip.decompress(_plotly()), media_type="text/javascript", headers=KEPT)
