"""A deletion of a stream, as the registry gives it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def deletion_text(deletion: Mapping[str, Any]) -> str:
    """A deletion in words.

    >>> deletion_text({"by": "ann", "time": "2026-03-01T14:03:00Z", "detail": "moved", "completed": None})
    'on 2026-03-01 14:03 UTC by ann (moved); its topics are being deleted'
    """
    when = f"on {datetime.fromisoformat(deletion['time']):%Y-%m-%d %H:%M} UTC by {deletion['by']}"
    why = f" ({deletion['detail']})" if deletion["detail"] else ""
    return f"{when}{why}; its topics are {'gone' if deletion.get('completed') else 'being deleted'}"
