"""Which alerts are sent: pure decisions of what a destination asks for and was told before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from penstock.contracts.records.monitoring import Alert
from penstock.notifier.notifications import Destination, Silence

_RANK = {"info": 0, "warning": 1, "critical": 2}
FORGOTTEN_MS = 24 * 3_600_000  # after so long without an alert of a key, the next one begins anew


class Matter(msgspec.Struct, frozen=True):
    """What a destination was told of a key, in milliseconds of log-append time.

    `first_seen` is the first alert, `last_seen` the newest one, `sent` the one that was sent last, of `severity`;
    `unsent` is how many came since.
    """

    first_seen: int
    last_seen: int
    sent: int
    severity: str
    unsent: int = 0


@dataclass(frozen=True)
class Verdict:
    """What becomes of an alert: sent or not, and what is remembered of its key from then on (None: nothing)."""

    is_sent: bool
    matter: Matter | None


def judge(alert: Alert, time: int, matter: Matter | None, destination: Destination) -> Verdict:
    """Whether an alert is sent that came at `time`; `matter` is what was told of its key."""
    if alert.state == "resolved":
        return Verdict(matter is not None, None)
    if not is_wanted(alert, destination):
        return Verdict(False, matter)
    if matter is None or time - matter.last_seen >= FORGOTTEN_MS:
        return Verdict(True, Matter(time, time, time, alert.severity))
    is_due = time - matter.sent >= destination.group_interval / timedelta(milliseconds=1)
    if is_due or _RANK[alert.severity] > _RANK[matter.severity]:
        return Verdict(True, Matter(matter.first_seen, time, time, alert.severity))
    return Verdict(False, msgspec.structs.replace(matter, last_seen=time, unsent=matter.unsent + 1))


def is_wanted(alert: Alert, destination: Destination) -> bool:
    """Whether the destination asks for alerts of this severity, kind and stream."""
    return (
        _RANK[alert.severity] >= _RANK[destination.severity]
        and (not destination.kinds or alert.kind in destination.kinds)
        and (not destination.streams or alert.stream in destination.streams)
    )


def is_silent(alert: Alert, time: int, silences: Sequence[Silence]) -> bool:
    """Whether an alert that came at `time` is not to be sent for now; that a matter is over is always told."""
    return alert.state == "firing" and any(
        silence.kind in (None, alert.kind)
        and silence.stream in (None, alert.stream)
        and time < silence.until.timestamp() * 1000
        for silence in silences
    )
