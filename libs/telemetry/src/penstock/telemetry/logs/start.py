"""Starting the log of a process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Literal, TextIO

import ecs_logging

from penstock.telemetry.logs.otlp import otlp_handler
from penstock.telemetry.logs.repeats import CountingHandler

LogFormat = Literal["auto", "plain", "json"]
_EXCLUDED = ("log.original", "process.thread", "process.name", "color_message")  # they say nothing new


def start_logging(
    service: str,
    level: str = "INFO",
    log_format: LogFormat = "auto",
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
) -> None:
    """Write the log lines of this process to `stream` (stderr), and by OTLP where `OTEL_LOGS_EXPORTER` says so.

    Args:
        service: the name of the service, as in `service.name`.
        level: the least level that is written.
        log_format: `plain` lines, `json` in the fields of the Elastic Common Schema, or `auto`: plain on a terminal.
        environ: the environment variables.
        stream: where lines are written.
    """
    output = stream or sys.stderr
    lines = logging.StreamHandler(output)
    plain = log_format == "plain" or (log_format == "auto" and output.isatty())
    lines.setFormatter(_plain(service) if plain else _json(service))
    others = [] if (exporting := otlp_handler(service, environ)) is None else [exporting]
    logging.basicConfig(level=level, handlers=[CountingHandler([lines, *others])], force=True)


def _plain(service: str) -> logging.Formatter:
    return logging.Formatter(f"%(asctime)s %(levelname)s {service} %(message)s")


def _json(service: str) -> logging.Formatter:
    extra = {"service.name": f"penstock-{service}"}
    return ecs_logging.StdlibFormatter(extra=extra, exclude_fields=_EXCLUDED)
