"""A fault is logged once, then counted: what goes wrong a thousand times a second must not fill a disk as well."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penstock.telemetry.logs.log_trace import add_trace

EVERY_S = 60.0  # seconds after which the repetitions of a line are told, as a number
MOST_FAULTS = 1000  # different faults that are counted at a time; lines of further ones are all written

Schedule = Callable[[float, Callable[[], None]], None]
_Key = tuple[str, int, str, str]

_DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class _Repeats:
    """How often a line was repeated, in all and since that was last told."""

    record: logging.LogRecord
    message: str
    total: int = 0
    new: int = 0


def schedule_on_thread(seconds: float, call: Callable[[], None]) -> None:
    """Call something later, on a thread that does not keep the process from its end."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


class CountingHandler(logging.Handler):
    """Passes lines on to other handlers; of warnings and errors that say the same, the first one and then a count.

    Lines say the same if they differ in numbers alone. Every minute in which a line was repeated, one line tells how
    often. After a minute without a repetition it is written anew.
    """

    def __init__(self, handlers: Sequence[logging.Handler], schedule: Schedule = schedule_on_thread) -> None:
        super().__init__()
        self._handlers = handlers
        self._schedule = schedule
        self._repeats: dict[_Key, _Repeats] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on, or count it."""
        if record.levelno < logging.WARNING or self._is_first(record):
            self._pass_on(record)

    def flush(self) -> None:
        """Write out what the handlers hold."""
        for handler in self._handlers:
            handler.flush()

    def close(self) -> None:
        """Tell what has been counted: the process ends."""
        for repeats in self._repeats.values():
            if repeats.new:
                self._pass_on(_count_line(repeats))
        self._repeats.clear()
        super().close()

    def _is_first(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        key = record.name, record.levelno, _DIGITS.sub("#", message), kind
        repeats = self._repeats.get(key)
        if repeats is not None:
            repeats.total += 1
            repeats.new += 1
            return False
        if len(self._repeats) < MOST_FAULTS:
            self._repeats[key] = _Repeats(record, message)
            self._schedule(EVERY_S, lambda: self._tell(key))
        return True

    def _tell(self, key: _Key) -> None:
        with self.lock or threading.RLock():
            repeats = self._repeats.get(key)
            if repeats is None or repeats.new == 0:
                self._repeats.pop(key, None)
                return
            self._pass_on(_count_line(repeats))
            repeats.new = 0
        self._schedule(EVERY_S, lambda: self._tell(key))

    def _pass_on(self, record: logging.LogRecord) -> None:
        add_trace(record)
        for handler in self._handlers:
            handler.handle(record)


def _count_line(repeats: _Repeats) -> logging.LogRecord:
    first = repeats.record
    text = f"{repeats.new:,} more like this, {repeats.total:,} in all: {repeats.message}"
    line = logging.LogRecord(first.name, first.levelno, first.pathname, first.lineno, text, None, None)
    line.__dict__["penstock.repeats"] = repeats.total
    return line
