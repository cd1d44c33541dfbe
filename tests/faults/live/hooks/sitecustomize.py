"""Python loads this at its start where PYTHONPATH names its folder: it gives services their crash points."""

from __future__ import annotations

import os
import sys

ROLES = {
    "penstock.ingestion": "ingestion",
    "penstock.validator": "validator",
    "penstock.server.stream": "server",
    "penstock.drift_detector": "drift-detector",
    "penstock.retrain_trigger": "retrain-trigger",
    "penstock.trainer": "trainer",
    "penstock.registry": "registry",
}
"""The services by the module that runs them; of the server the process that scores the streams."""


def _service() -> str | None:
    arguments = sys.orig_argv
    at = arguments.index("-m") + 1 if "-m" in arguments else len(arguments)
    return ROLES.get(arguments[at]) if at < len(arguments) else None


service, orders = _service(), os.environ.get("PENSTOCK_CRASH_ORDERS")
if service and orders:
    import crash_points  # type: ignore[import-not-found]
    import task_stacks  # type: ignore[import-not-found]

    crash_points.install(service, orders)
    task_stacks.install(service, orders)
