"""Every row of the table of bad inputs is tried, exactly once."""

from __future__ import annotations

from . import (
    test_artifacts,
    test_declarations,
    test_http_connections,
    test_http_events,
    test_http_limits,
    test_kafka_messages,
    test_registry_api,
    test_tables,
)
from .rows import ROWS, rows_of

MODULES = (
    test_http_events,
    test_http_connections,
    test_http_limits,
    test_kafka_messages,
    test_declarations,
    test_tables,
    test_artifacts,
    test_registry_api,
)


def test_each_of_the_96_rows_is_tried_once() -> None:
    tried = [row for module in MODULES for row in rows_of(module)]
    assert len(ROWS) == 96
    assert sorted(tried) == sorted(ROWS)
