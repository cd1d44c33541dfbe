"""Stopping at SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import signal

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> asyncio.Event:
    """An event of the running loop that SIGTERM and SIGINT set from now on.

    The handlers are installed even where this process inherited a signal as ignored, as SIGINT is for whatever a
    shell without job control starts in the background: who sends a signal to this very process wants it to stop.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    return stop


def interrupt_at(*signals: signal.Signals) -> None:
    """Let these signals raise KeyboardInterrupt in this process, even where it inherited them as ignored.

    Python raises it at SIGINT only if the process did not inherit SIGINT as ignored. A shell without job control
    ignores it for background commands, so that a Ctrl-C in the terminal, which goes to the whole process group, does
    not reach them. Here it reaches them all the same: a script that is stopped by Ctrl-C shall leave nothing behind,
    and `kill -INT` shall stop what it names. What is to outlive the terminal runs in a session of its own.
    """
    for number in signals:
        signal.signal(number, signal.default_int_handler)
