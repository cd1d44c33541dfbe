"""A pause of a stream, as the registry gives it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def pause_text(pause: Mapping[str, Any]) -> str:
    """A pause in words.

    >>> pause_text({"by": "ann", "time": "2026-03-01T14:03:00Z", "detail": "bad feed", "intake": True})
    'since 2026-03-01 14:03 UTC by ann (bad feed): nothing is trained, promoted or taken in'
    """
    since = f"since {datetime.fromisoformat(pause['time']):%Y-%m-%d %H:%M} UTC by {pause['by']}"
    why = f" ({pause['detail']})" if pause["detail"] else ""
    return f"{since}{why}: nothing is trained{', promoted or taken in' if pause['intake'] else ' or promoted'}"
