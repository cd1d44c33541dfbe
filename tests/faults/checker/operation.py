"""I7, I8, I11, I12: how a deployment runs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.checker.ledger import Ledger

FLAT = 1.05  # of what a process had after its first swaps


def answered(ledger: Ledger) -> Iterator[str]:
    """I7: predict answers every request during swaps."""
    yield from (f"predict answered {status}" for status in ledger.http_statuses if not 200 <= status < 300)


def recovery(ledger: Ledger) -> Iterator[str]:
    """I8: once healed, nothing is left to do."""
    yield from (f"{group} is {lag} behind" for group, lag in ledger.lags.items() if lag)
    if ledger.outbox:
        yield f"{ledger.outbox} records are left in the outbox"
    if ledger.open_runs:
        yield f"{ledger.open_runs} training runs have not ended"


def confinement(ledger: Ledger) -> Iterator[str]:
    """I11: no file outside the data folders, nothing of the input in the logs."""
    yield from (f"{path} was written outside the data folders" for path in ledger.files_outside)
    yield from (f"{token} is in the logs" for token in ledger.canary_tokens if token in ledger.log_text)


def flatness(ledger: Ledger) -> Iterator[str]:
    """I12: memory, descriptors and tasks stay flat."""
    for name in ("memory", "descriptors", "tasks"):
        figures = [getattr(sample, name) for sample in ledger.samples]
        if figures and figures[-1] > FLAT * figures[0]:
            yield f"{name} grew from {figures[0]} to {figures[-1]}"
