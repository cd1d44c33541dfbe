"""When a stream was paused: for the ledger, that shows why nothing was trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from penstock.retrain_trigger.stream_state import StreamState


@dataclass(frozen=True)
class PauseTime:
    """A time in which a person had paused the stream, `until` None while it lasts; `by`, `reason`, `intake` at last."""

    since: datetime
    until: datetime | None
    by: str
    reason: str
    intake: bool


def pause_times(state: StreamState) -> list[PauseTime]:
    """All of them, the oldest first."""
    times: list[PauseTime] = []
    is_paused = False
    for order in sorted(state.pauses):
        time, pause = state.pauses[order]
        if pause is not None:
            if is_paused:
                del times[-1]
            times.append(PauseTime(pause.time, None, pause.by, pause.detail, pause.intake))
        elif is_paused:
            times[-1] = replace(times[-1], until=time)
        is_paused = pause is not None
    return times
