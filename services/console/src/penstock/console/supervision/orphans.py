"""What a supervisor that was killed left running."""

from __future__ import annotations

from penstock.console.deployment import Deployment, State
from penstock.console.home import Home
from penstock.console.supervision.process_identity import kill_group


def end_orphans(home: Home) -> int:
    """End every recorded process group that outlived its supervisor; returns how many there were.

    To be called only while no supervisor runs in `home`. They are killed, the broker last: all of
    Penstock recovers from a kill.
    """
    deployment = Deployment.read(home)
    if deployment is None:
        return 0
    records = [record for record in deployment.processes.values() if record.process]
    alive = [record.process for record in records if record.process and record.process.group()]
    for identity in reversed(alive):
        kill_group(identity)
    for record in deployment.processes.values():
        record.process, record.state = None, State.STOPPED
    deployment.supervisor = None
    deployment.write(home)
    return len(alive)
