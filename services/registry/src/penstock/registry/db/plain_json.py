"""Records as JSON that every database stores."""

from __future__ import annotations

import json
from typing import Any

from penstock.contracts.records.control import ControlRecord


def plain_json(record: ControlRecord) -> dict[str, Any]:
    """The record as JSON; a figure that is not finite becomes null, as PostgreSQL takes no NaN."""
    document: dict[str, Any] = json.loads(record.model_dump_json())
    return document
