"""The page that says what swaps under load did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.swaps.footprint import Growth
from tests.swaps.load import CONNECTIONS, RATE, Load

MEBIBYTE = 1 << 20


def swaps_page(swaps: int, seconds: float, before: Load, during: Load, grown: Mapping[str, Sequence[Growth]]) -> str:
    """`before` is the load without a swap, `during` that with them; `grown` is by process."""
    failures = ", ".join(f"{count} times {what}" for what, count in during.failures.items()) or "none"
    versions = ", ".join(f"{version}: {count:,}" for version, count in sorted(during.versions.items()))
    lines = [
        "# Swaps under load",
        "",
        "Written by `make swaps`: in a deployment of this machine two versions take turns as champion, by the",
        f"registry's `promote`, while {CONNECTIONS} connections ask for {RATE:.0f} predictions a second in all,",
        "durable. A swap is over when the process that answers HTTP says that the new epoch is in force.",
        "",
        f"{swaps:,} swaps in {seconds:.0f} s, {len(during.latencies):,} answers. Requests that failed: {failures}.",
        f"Answers by version: {versions}.",
        "",
        "| answers | median, ms | 99 %, ms |",
        "|---|---:|---:|",
        f"| without swaps | {before.percentile(0.5):.1f} | {before.percentile(0.99):.1f} |",
        f"| with swaps | {during.percentile(0.5):.1f} | {during.percentile(0.99):.1f} |",
        "",
        "What the processes hold, a sample at each swap; the first quarter is left out. Growth: the median slope over",
        "all pairs of samples, from the first to the last, as a share of the median.",
        "",
        "| process | quantity | first | last | growth |",
        "|---|---|---:|---:|---:|",
        *(_row(process, each) for process, grows in grown.items() for each in grows),
    ]
    return "\n".join(lines) + "\n"


def _row(process: str, growth: Growth) -> str:
    first, last = (
        (f"{growth.first / MEBIBYTE:.1f} MiB", f"{growth.last / MEBIBYTE:.1f} MiB")
        if growth.quantity == "memory"
        else (f"{growth.first:.0f}", f"{growth.last:.0f}")
    )
    return f"| {process} | {growth.quantity} | {first} | {last} | {growth.share:+.1%} |"
