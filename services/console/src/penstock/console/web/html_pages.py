"""Pages as HTML: every text from the log or from people is escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from penstock.console.replay.report.metric_names import METRIC_NAMES
from penstock.console.report_page.numbers import number_text, share_text, value_text
from penstock.console.views.printable_text import printable, readable
from penstock.console.web.static_files import PLOTLY_PATH, SCRIPT_PATH, STYLE_PATH


def time_text(value: datetime | str | int | None) -> str:
    """A time in UTC to the second; of a number, milliseconds since 1970.

    >>> time_text(0), time_text("2026-05-01T12:00:00.5Z"), time_text(None)
    ('1970-01-01 00:00:00', '2026-05-01 12:00:00', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, int):
        value = datetime.fromtimestamp(value / 1000, UTC)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def time_element(value: datetime | str | int | None) -> Markup:
    """A time as HTML, which a line is not broken in."""
    return Markup("<time>{}</time>").format(time_text(value))


def metric_text(name: str) -> str:
    """A metric in words."""
    return METRIC_NAMES.get(name, name.replace("_", " "))


REASONS = {
    "too-few": "there are too few outcomes to learn from",
    "nothing": "no trigger fires",
    "under-way": "a training is under way",
    "settling": "the change is not old enough to be learnt",
    "cooling": "the last training was not long ago",
    "stale": "too few of the outcomes are new",
    "budget": "the budget of trainings is spent",
    "outvoted": "fewer triggers fire than must",
}
"""Why a training waits, in words."""


def reason_text(reason: str) -> str:
    """The reason of a decision in words."""
    return REASONS.get(reason, reason)


def readable_text(content: bytes | None) -> str:
    """Bytes of a record as indented JSON, or as text, cut where they are long."""
    return printable(readable(content))


def root_of(request: Request) -> str:
    """The path at which the console is mounted, without a slash at its end: what its addresses begin with."""
    return str(request.scope.get("root_path", "")).rstrip("/")


class Pages:
    """Renders templates for the namespace of a deployment."""

    def __init__(self, namespace: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("penstock.console", "web/templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters = {"number": number_text, "share": share_text, "value": value_text, "time": time_element}
        self._environment.filters |= {**filters, "metric": metric_text, "reason": reason_text}
        self._environment.filters |= {"printable": printable, "readable": readable_text}
        self._environment.globals |= {
            "namespace": namespace, "plotly": PLOTLY_PATH, "style": STYLE_PATH, "script": SCRIPT_PATH,
        }  # fmt: skip

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page. Links in it are below the path at which the console is mounted."""
        root = root_of(request)
        html = self._environment.get_template(template).render(root=root, path=request.url.path, **context)
        return HTMLResponse(html, status, headers={"cache-control": "no-store"})
