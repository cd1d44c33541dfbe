"""What a destination is told: an alert, what is known of its key, and the runbook."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from penstock.contracts.alert_kinds import runbook_of
from penstock.contracts.declaration.stream_file import one_line
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert


@dataclass(frozen=True)
class News:
    """An alert that is sent, when the first of its key came, and how many came since the last that was sent."""

    alert: Alert
    first_seen: datetime
    unsent: int

    @property
    def message_id(self) -> str:
        """The same for one alert however often it is sent, and a different one for every alert."""
        return derived_id("message", self.alert.source, self.alert.id)

    @classmethod
    def of(cls, alert: Alert, first_seen: int, unsent: int) -> News:
        """The news of an alert; `first_seen` is in milliseconds since 1970."""
        return cls(alert, datetime.fromtimestamp(first_seen / 1000, UTC), unsent)


def json_of(news: News) -> bytes:
    """The news for programs: the alert's fields, with `first_seen`, `unsent` and `runbook`."""
    more: dict[str, Any] = {
        "first_seen": news.first_seen.isoformat(),
        "unsent": news.unsent,
        "runbook": runbook_of(news.alert.kind),
    }
    return json.dumps({**news.alert.model_dump(mode="json"), **more}, ensure_ascii=False).encode()


def title_of(news: News) -> str:
    """The news in one line: `[critical] loans: shortfall`."""
    alert = news.alert
    state = "resolved" if alert.state == "resolved" else alert.severity
    return one_line(f"[{state}] {alert.stream or 'control plane'}: {alert.kind or alert.subject}")


def text_of(news: News) -> str:
    """The news for people, below its title."""
    runbook = runbook_of(news.alert.kind)
    lines = [
        one_line(news.alert.message),
        f"First seen {news.first_seen:%Y-%m-%d %H:%M:%S} UTC, by {news.alert.source}",
    ]
    lines += [f"{news.unsent} more since the last message"] if news.unsent else []
    lines += [f"Runbook: {runbook}"] if runbook else []
    return "\n".join(lines)
